#include <map>
#include <string>
#include <tuple>

#include "compiler/analysis/checks.h"

namespace agentfense::compiler {
namespace {

using Key = std::tuple<uint32_t, uint32_t, std::string>;  // file, offset, pattern

struct Verdict {
  const lang::RulePattern *pattern;
  uint32_t rule;  // the first limit that has it
  uint32_t limits = 0;
  bool useful = false;
  bool undecided = false;
  std::string example;  // where the limit and the exception meet
};

// An exception is useful where it alone opens its limit and the level then is higher than the limit.
Found find_use(Scope &scope, const lang::Rule &rule, size_t e) {
  std::vector<lang::RulePattern> others = rule.except;
  others.erase(others.begin() + static_cast<std::ptrdiff_t>(e));
  const PatternWalk except(std::vector<lang::RulePattern>{rule.except[e]}, scope.alphabet);
  const PatternWalk limit(rule.patterns, scope.alphabet);
  const PatternWalk rest(others, scope.alphabet);
  RuleSearch search(scope.alphabet, scope.levels, except, {&limit, &rest});
  search.leave_where([&](const Here &h) { return h.beside[1] || scope.highest_from(h) <= rule.level; });
  return scope.spend(search.some(
      [&](const Here &h) {
        return h.covered && h.beside[0] && !h.beside[1] && scope.level_at(h) > rule.level;
      },
      scope.budget()));
}

std::string least_meeting(const Scope &scope, const lang::Rule &rule, size_t e) {
  const PatternWalk except(std::vector<lang::RulePattern>{rule.except[e]}, scope.alphabet);
  const PatternWalk limit(rule.patterns, scope.alphabet);
  const RuleSearch search(scope.alphabet, scope.nothing, except, {&limit});
  return search.least([](const Here &h) { return h.covered && h.beside[0]; }, Scope::kMaxStepsPerSearch)
      .path.value_or("");
}

void report(const Scope &scope, const Verdict &v, lang::Diagnostics &diagnostics) {
  const lang::Rule &rule = scope.rules.rules[v.rule];
  const std::string which =
      v.limits > 1 ? "any of its " + std::to_string(v.limits) + " limits" : "`" + rule.text + "`";
  const bool meets = !v.example.empty();
  const std::string why =
      meets ? "what it would open is closed by another limit, opened by another exception, or not allowed"
            : "it meets nothing that they cover";
  lang::Diagnostic &d =
      diagnostics.report(lang::Code::useless_except, v.pattern->place,
                         "`except " + v.pattern->text + "` opens nothing in " + which + ": " +
                             (meets || v.limits > 1 ? why : "the limit covers nothing that it names"));
  // An exception of a policy that was taken over stands in that policy's file.
  if (rule.inherited && v.pattern->place.file != 0) d.severity = lang::Severity::note;
  d.example = meets ? v.example : least_covered(scope, {*v.pattern});
  if (meets) remark_decider(scope, d.example, kSkipNothing, d);
}

}  // namespace

void check_excepts(Scope &scope, lang::Diagnostics &diagnostics) {
  std::map<Key, Verdict> verdicts;
  for (uint32_t r = 0; r < scope.rules.rules.size(); ++r) {
    const lang::Rule &rule = scope.rules.rules[r];
    for (size_t e = 0; e < rule.except.size(); ++e) {
      const lang::RulePattern &pattern = rule.except[e];
      const Key key{pattern.place.file, pattern.place.offset, pattern.text};
      Verdict &v = verdicts.try_emplace(key, Verdict{&pattern, r, 0, false, false, {}}).first->second;
      ++v.limits;
      if (v.useful || rule.level == lang::Level::write) continue;
      const Found use = find_use(scope, rule, e);
      v.useful = use.path.has_value();
      v.undecided |= use.over_budget;
      if (!v.useful && v.example.empty()) {
        v.example = least_meeting(scope, rule, e);
        if (!v.example.empty()) v.rule = r;
      }
    }
  }
  Undecided undecided;
  for (const auto &[key, v] : verdicts) {
    if (v.useful) continue;
    if (v.undecided) {
      undecided.add(v.pattern->place);
    } else {
      report(scope, v, diagnostics);
    }
  }
  undecided.report("needs its exception", diagnostics);
}

}  // namespace agentfense::compiler
