#include <algorithm>

#include "compiler/explain/print.h"
#include "lang/print_diagnostics.h"

namespace agentfense::compiler {
namespace {

using lang::escape_bytes;
using lang::escape_text;

class Printer {
 public:
  Printer(const lang::RuleSet &rules, const ExplainedPath &path) : rules_(rules), path_(path) {}

  std::string run() {
    for (const CoveringRule &c : path_.explanation.covering) {
      if (c.standing != Standing::decides) out_ += "  " + named(c.rule) + ": " + why(c) + "\n";
    }
    for (const Change &change : path_.changes) print(change);
    return std::move(out_);
  }

 private:
  [[nodiscard]] std::string at(const lang::Place &place) const {
    return escape_bytes(rules_.files[place.file].name) + ":" + std::to_string(place.line);
  }

  [[nodiscard]] std::string named(uint32_t rule) const {
    const lang::Rule &r = rules_.rules[rule];
    return escape_text(r.text) + " (" + at(r.place) + ")";
  }

  [[nodiscard]] std::string why(const CoveringRule &c) const {
    const lang::Rule &rule = rules_.rules[c.rule];
    const auto by = [&] { return named(c.by); };
    switch (c.standing) {
      case Standing::decides:
        break;
      case Standing::opened: {
        const lang::RulePattern &except = rule.except[c.except];
        return "opened here by its except " + escape_text(except.text) + " (" + at(except.place) + ")";
      }
      case Standing::no_effect:
        return rule.kind == lang::Rule::Kind::allow ? "gives nothing" : "limits nothing";
      case Standing::lowered:
        return "a limit of a lower level decides";
      case Standing::limit_first:
        return "a limit of the same level decides";
      case Standing::outdone:
        return "another allow gives more: " + by();
      case Standing::above:
        return path_.explanation.level == path_.explanation.allowed &&
                       (c.by == kNoRule || rules_.rules[c.by].kind == lang::Rule::Kind::allow)
                   ? std::string("no allow gives more than ") + lang::level_name(path_.explanation.allowed)
                   : "a limit of a lower level decides";
      case Standing::further_up:
        return "of the same level, but the decider speaks first, further up";
      case Standing::later:
        return "of the same level, but the decider comes first";
    }
    return "";
  }

  void print(const Change &change) {
    const std::string level = lang::level_name(change.level);
    if (change.ways.empty()) {
      out_ += "  no way to " + level + ": ";
      switch (change.hindrance) {
        case Change::Hindrance::sealed:
          out_ += named(change.limit) + " cannot be opened";
          if (change.seal) out_ += ", it is sealed at " + at(*change.seal);
          break;
        case Change::Hindrance::unspellable:
          out_ += "no pattern can name this path, it is too long";
          break;
        default:
          out_ += "it takes more than " + std::to_string(kMaxEdits) + " edits";
      }
      out_ += "\n";
      return;
    }
    for (size_t w = 0; w < change.ways.size(); ++w) {
      const Way &way = change.ways[w];
      out_ += (w == 0 ? "  for " : "  or for ") + level + ":\n";
      for (const Edit &edit : way.edits) out_ += "    " + words(edit) + "\n";
      if (!way.breaks) {
        out_ += "      whether a never or test speaks against it could not be decided within the budget\n";
        continue;
      }
      for (const Contradiction &c : *way.breaks) out_ += "      " + words(c) + "\n";
    }
  }

  [[nodiscard]] std::string words(const Edit &edit) const {
    const EditText text = describe(rules_, edit, path_.path);
    const std::string quoted = " `" + escape_text(text.text) + "`";
    const std::string where =
        text.fix ? at(text.place) + ": " : "in a policy of your own that extends this preset: ";
    switch (edit.kind) {
      case Edit::Kind::add_allow:
      case Edit::Kind::add_limit:
        return where + "add" + quoted;
      case Edit::Kind::remove_rule:
        return where + "take" + quoted + " away";
      default:
        return where + "write" + quoted;
    }
  }

  [[nodiscard]] std::string words(const Contradiction &c) const {
    const std::string named = "`" + escape_text(c.text) + "` at " + at(c.place);
    if (c.code == lang::Code::dead_rule) return "makes " + named + " a dead rule: take it away too";
    if (c.code == lang::Code::test_failed) return "breaks the test " + named;
    return "breaks " + named + " (" + escape_bytes(c.example) + ")";
  }

  const lang::RuleSet &rules_;
  const ExplainedPath &path_;
  std::string out_;
};

}  // namespace

std::string place_and_text(std::string_view file, uint32_t line, std::string_view text) {
  return escape_bytes(file) + ":" + std::to_string(line) + " " + escape_text(text);
}

std::string first_line(std::string_view path, lang::Level level, const std::string &rule, bool traversable) {
  return escape_bytes(path) + '\t' + lang::level_name(level) + '\t' +
         (rule.empty() ? "no rule allows it" : rule) +
         (traversable ? " (a directory here shows, for what is visible below it)" : "") + '\n';
}

std::string details(const lang::RuleSet &rules, const ExplainedPath &path) {
  return Printer(rules, path).run();
}

}  // namespace agentfense::compiler
