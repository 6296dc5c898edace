#include "lang/bind_names.h"

#include <optional>
#include <set>
#include <utility>

#include "lang/place.h"
#include "lang/suggest.h"

namespace agentfense::lang {
namespace {

// Stands for a value that was refused: fits anywhere, so that the rest can be checked.
constexpr const char *kStandIn = "x";

size_t count_items(const RulePattern &pattern) {
  size_t items = 0;
  for (const PathPattern &alternative : pattern.alternatives) {
    for (const PatternComponent &component : alternative.components) items += component.glob.size() + 1;
  }
  return items;
}

class Binder {
 public:
  Binder(const Program &program, const LoadOptions &options, PatternBudget &budget, Diagnostics &diagnostics)
      : program_(program), budget_(budget), diagnostics_(diagnostics) {
    for (const auto &[name, value] : options.defines) {
      if (!defines_.emplace(name, value).second) {
        diagnostics_.report(Code::repeated_define, Place{}, "-D gives `" + name + "` two values; give one");
      }
    }
  }

  std::vector<Scope> run() {
    std::vector<Scope> scopes(program_.modules.size());
    for (size_t i = 0; i < scopes.size(); ++i) {
      scopes[i].incomplete = program_.modules[i].incomplete;
      bind_params(program_.modules[i], scopes[i]);
      bind_sets(program_.modules[i], scopes[i]);
    }
    check_defines(scopes);
    return scopes;
  }

 private:
  bool drop_one() {
    if (!diagnostics_.full()) return false;
    diagnostics_.drop();
    return true;
  }

  void bind_params(const Module &module, Scope &scope) {
    std::map<std::string_view, Place> places;
    for (const ParsedFile &file : module.files) {
      for (const ast::Param &param : file.ast.params) {
        auto [first, fresh] = places.emplace(param.name.text, param.name.place);
        if (!fresh) {
          if (drop_one()) continue;
          Diagnostic &d = diagnostics_.report(Code::duplicate_param, param.name.place,
                                              "the param `" + param.name.text + "` is declared twice");
          d.remarks.push_back({first->second, "it is declared here first"});
          continue;
        }
        scope.params.emplace(param.name.text, value_of(param));
      }
    }
  }

  std::string value_of(const ast::Param &param) {
    std::string value = kStandIn;
    if (param.value) {
      if (auto refusal = refuse_param_value(param.value->text)) {
        if (drop_one()) return value;
        diagnostics_.report(
            Code::bad_value, param.value->place,
            "the default of `" + param.name.text + "` " + *refusal + "; a value is a part of one file name");
      } else {
        value = param.value->text;
      }
    }
    auto given = defines_.find(param.name.text);
    if (given == defines_.end()) {
      if (!param.value && !param.broken && !drop_one()) {
        diagnostics_.report(Code::missing_value, param.name.place,
                            "the param `" + param.name.text + "` has no value; give -D " + param.name.text +
                                "=VALUE or a default");
      }
      return value;
    }
    if (auto refusal = refuse_param_value(given->second)) {
      diagnostics_.report(Code::bad_value, param.name.place,
                          "the value that -D gives `" + param.name.text + "` " + *refusal +
                              "; a value is a part of one file name");
      return value;
    }
    return given->second;
  }

  void check_defines(const std::vector<Scope> &scopes) {
    if (program_.broken) return;  // the param may stand in what could not be read
    for (const auto &[name, value] : defines_) {
      bool known = false;
      std::vector<std::string_view> names;
      for (const Scope &scope : scopes) {
        known |= scope.params.contains(name);
        for (const auto &[param, unused] : scope.params) names.push_back(param);
      }
      if (known) continue;
      diagnostics_.report(Code::unknown_param, Place{},
                          "-D gives `" + name + "` a value, but no param is named so" +
                              did_you_mean(closest(name, names), "declare it with `param`"));
    }
  }

  void bind_sets(const Module &module, Scope &scope) {
    std::set<std::string_view> all;
    for (const ParsedFile &file : module.files) {
      for (const ast::Set &set : file.ast.sets) all.insert(set.name.text);
    }
    for (const ParsedFile &file : module.files) {
      for (const ast::Set &set : file.ast.sets) {
        if (auto first = scope.sets.find(set.name.text); first != scope.sets.end()) {
          if (drop_one()) continue;
          Diagnostic &d = diagnostics_.report(Code::duplicate_set, set.name.place,
                                              "the set `" + set.name.text + "` is defined twice");
          d.remarks.push_back({first->second.place, "it is defined here first"});
          continue;
        }
        SetDefinition definition = define(set, scope, all);
        scope.sets.emplace(set.name.text, std::move(definition));
      }
    }
  }

  SetDefinition define(const ast::Set &set, const Scope &scope, const std::set<std::string_view> &all) {
    SetDefinition definition;
    definition.place = set.name.place;
    definition.broken = set.broken;
    for (const ast::Item &item : set.items) {
      if (item.kind == ast::Item::Kind::name) {
        definition.broken |= !include(item, scope, all, definition);
      } else if (auto pattern = read_pattern(item, false, scope.params, budget_, diagnostics_)) {
        definition.entries.push_back(std::make_shared<SetEntry>(SetEntry{&item, *std::move(pattern)}));
      } else {
        definition.broken = true;
      }
    }
    return definition;
  }

  bool include(const ast::Item &item, const Scope &scope, const std::set<std::string_view> &all,
               SetDefinition &definition) {
    auto earlier = scope.sets.find(item.text);
    if (earlier == scope.sets.end()) {
      if (all.contains(item.text)) {
        diagnostics_.report(Code::late_set, item.place,
                            "the set `" + item.text + "` is not defined before this one; move it up");
      } else {
        report_unknown_set(item, scope, diagnostics_);
      }
      return false;
    }
    const auto &entries = earlier->second.entries;
    set_entries_ += entries.size();
    if (set_entries_ > kMaxSetEntries) {
      if (!budget_.reported) {
        budget_.reported = true;
        diagnostics_.report(
            Code::too_many_patterns, item.place,
            "sets inside sets stand for more than " + std::to_string(kMaxSetEntries) + " patterns");
      }
      return false;
    }
    definition.entries.insert(definition.entries.end(), entries.begin(), entries.end());
    return !earlier->second.broken;
  }

  const Program &program_;
  PatternBudget &budget_;
  Diagnostics &diagnostics_;
  std::map<std::string, std::string> defines_;
  size_t set_entries_ = 0;
};

}  // namespace

std::vector<Scope> bind_names(const Program &program, const LoadOptions &options, PatternBudget &budget,
                              Diagnostics &diagnostics) {
  return Binder(program, options, budget, diagnostics).run();
}

std::optional<RulePattern> read_pattern(const ast::Item &item, bool nocase, const ParamValues &params,
                                        PatternBudget &budget, Diagnostics &diagnostics) {
  if (budget.reported) return std::nullopt;
  PatternOptions options;
  options.quoted = item.kind == ast::Item::Kind::quoted;
  options.nocase = nocase;
  options.params = &params;
  auto parsed = parse_pattern(item.text, options);
  if (auto *issue = std::get_if<PatternIssue>(&parsed)) {
    report_issue(*issue, item.place, options.quoted, diagnostics);
    return std::nullopt;
  }
  auto &good = std::get<ParsedPattern>(parsed);
  RulePattern pattern{std::move(good.text), item.place, std::move(good.alternatives)};
  if (!charge(pattern, budget, diagnostics)) return std::nullopt;
  return pattern;
}

bool charge(const RulePattern &pattern, PatternBudget &budget, Diagnostics &diagnostics) {
  if (budget.reported) return false;
  budget.patterns += pattern.alternatives.size();
  budget.items += count_items(pattern);
  if (budget.patterns <= kMaxPatterns && budget.items <= kMaxItems) return true;
  budget.reported = true;
  diagnostics.report(Code::too_many_patterns, pattern.place,
                     "up to here the policy stands for more than " + std::to_string(kMaxPatterns) +
                         " patterns or " + std::to_string(kMaxItems) +
                         " characters of patterns; use `*` for some of them");
  return false;
}

void report_issue(const PatternIssue &issue, const Place &place, bool quoted, Diagnostics &diagnostics) {
  if (diagnostics.full()) return diagnostics.drop();
  Place at = part_of(place, issue.offset + (quoted ? 1 : 0), issue.length);
  Diagnostic &d = diagnostics.report(issue.code, at, issue.message);
  if (issue.fix) d.fixes.push_back({place, *issue.fix});
}

void report_unknown_set(const ast::Item &item, const Scope &scope, Diagnostics &diagnostics) {
  if (scope.incomplete) return;
  if (diagnostics.full()) return diagnostics.drop();
  std::vector<std::string_view> names;
  for (const auto &[name, unused] : scope.sets) names.push_back(name);
  std::string meant = closest(item.text, names);
  Diagnostic &d = diagnostics.report(
      Code::unknown_set, item.place,
      "no set is named `" + item.text + "`" + did_you_mean(meant, "a pattern starts with `/` or `**/`"));
  d.fixes.push_back({item.place, meant.empty() ? "**/" + item.text : meant});
}

}  // namespace agentfense::lang
