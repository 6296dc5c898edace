#include "compiler/explain/print.h"
#include "lang/print_diagnostics.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

namespace agentfense::compiler {
namespace {

using lang::escape_bytes;
using lang::escape_text;
using llvm::json::Array;
using llvm::json::Object;
using llvm::json::Value;

class JsonPrinter {
 public:
  explicit JsonPrinter(const lang::RuleSet &rules) : rules_(rules) {}

  Value path(const ExplainedPath &p) {
    Array covering;
    for (const CoveringRule &c : p.explanation.covering) {
      Object o = rule(c.rule);
      o["pattern"] = escape_text(rules_.rules[c.rule].patterns[c.pattern].text);
      o["standing"] = standing_name(c.standing);
      if (c.by != kNoRule) o["by"] = rule(c.by);
      if (c.standing == Standing::opened) {
        const lang::RulePattern &except = rules_.rules[c.rule].except[c.except];
        o["except"] = at(except.place, except.text);
      }
      covering.push_back(std::move(o));
    }
    Array changes;
    for (const Change &change : p.changes) changes.push_back(this->change(change, p.path));
    Object out{{"path", escape_bytes(p.path)},
               {"level", lang::level_name(p.explanation.level)},
               {"allowed", lang::level_name(p.explanation.allowed)},
               {"traversable", p.traversable},
               {"rule", nullptr},
               {"covering", std::move(covering)},
               {"changes", std::move(changes)}};
    if (p.explanation.rule != kNoRule) out["rule"] = rule(p.explanation.rule);
    return out;
  }

 private:
  [[nodiscard]] Object at(const lang::Place &place, const std::string &text) const {
    return Object{{"file", escape_bytes(rules_.files[place.file].name)},
                  {"line", place.line},
                  {"column", place.column},
                  {"text", escape_text(text)}};
  }

  [[nodiscard]] Object rule(uint32_t r) const { return at(rules_.rules[r].place, rules_.rules[r].text); }

  [[nodiscard]] Object edit(const Edit &e, const std::string &path) const {
    static constexpr const char *kKinds[] = {"add-allow", "add-limit", "except-at-limit", "except-at-extends",
                                             "remove-rule"};
    const EditText text = describe(rules_, e, path);
    if (!text.fix) {
      return Object{{"kind", kKinds[static_cast<int>(e.kind)]},
                    {"new-policy-extends", "preset:" + escape_bytes(rules_.policy)},
                    {"text", escape_text(text.text)}};
    }
    Object o = at(text.place, text.text);
    o["kind"] = kKinds[static_cast<int>(e.kind)];
    o["replace"] = Object{{"offset", text.fix->place.offset},
                          {"length", text.fix->place.length},
                          // Policy text as it is: it is spelled in UTF-8, and JSON escapes line ends itself.
                          {"by", text.fix->text}};
    return o;
  }

  [[nodiscard]] Object change(const Change &c, const std::string &path) const {
    Array ways;
    for (const Way &way : c.ways) {
      Array edits;
      for (const Edit &e : way.edits) edits.push_back(edit(e, path));
      Object o{{"edits", std::move(edits)}, {"breaks", nullptr}};
      if (way.breaks) {
        Array breaks;
        for (const Contradiction &b : *way.breaks) {
          Object fault = at(b.place, b.text);
          fault["code"] = std::string(lang::code_name(b.code));
          if (!b.example.empty()) fault["example"] = escape_bytes(b.example);
          breaks.push_back(std::move(fault));
        }
        o["breaks"] = std::move(breaks);
      }
      ways.push_back(std::move(o));
    }
    Object out{{"level", lang::level_name(c.level)}, {"ways", std::move(ways)}};
    static constexpr const char *kHindrances[] = {"", "sealed", "too-many-edits", "unspellable"};
    if (c.hindrance != Change::Hindrance::none) out["hindrance"] = kHindrances[static_cast<int>(c.hindrance)];
    if (c.limit != kNoRule) out["limit"] = rule(c.limit);
    if (c.seal) out["sealed"] = at(*c.seal, "sealed");
    return out;
  }

  const lang::RuleSet &rules_;
};

std::string print(Value value) {
  std::string text;
  llvm::raw_string_ostream out(text);
  out << llvm::formatv("{0:2}", value) << '\n';
  return text;
}

}  // namespace

std::string explained_json(const lang::RuleSet &rules, const std::string &source,
                           const std::vector<ExplainedPath> &paths) {
  JsonPrinter printer(rules);
  Array list;
  for (const ExplainedPath &path : paths) list.push_back(printer.path(path));
  return print(Object{{"source", escape_bytes(source)},
                      {"kind", "policy"},
                      {"policy", escape_bytes(rules.policy)},
                      {"paths", std::move(list)}});
}

std::string decided_json(const std::string &source, const std::vector<DecidedPath> &paths) {
  Array list;
  for (const DecidedPath &path : paths) {
    Object o{{"path", escape_bytes(path.path)},
             {"level", lang::level_name(path.level)},
             {"traversable", path.traversable},
             {"rule", nullptr}};
    if (!path.text.empty()) {
      o["rule"] =
          Object{{"file", escape_bytes(path.file)}, {"line", path.line}, {"text", escape_text(path.text)}};
    }
    list.push_back(std::move(o));
  }
  return print(Object{{"source", escape_bytes(source)}, {"kind", "table"}, {"paths", std::move(list)}});
}

}  // namespace agentfense::compiler
