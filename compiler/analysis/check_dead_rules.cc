#include <algorithm>
#include <string>

#include "compiler/analysis/checks.h"
#include "compiler/analysis/walk_path.h"
#include "compiler/automaton/path_state.h"

namespace agentfense::compiler {
namespace {

using lang::Level;

Level limit_at(const PathState &state) {
  Level limit = Level::write;
  for (const HeldLimit &l : state.limits) limit = std::min(limit, l.level);
  return limit;
}

// An allow lives where it lifts the level above what the other rules give.
Found find_life(Scope &scope, uint32_t r) {
  const lang::Rule &rule = scope.rules.rules[r];
  const PatternWalk patterns(rule.patterns, scope.alphabet);
  const PathStepper others(scope.automaton.trie, r);
  const World world = rules_world(scope.automaton, scope.alphabet, others);
  RuleSearch search(scope.alphabet, world, patterns);
  search.leave_where([&](const Here &h) {
    const PathState state = decode_state(h.world);
    return state.allowed >= rule.level || others.ceiling(state) <= state.allowed;
  });
  const auto lifts = [&](const Here &h) {
    if (!h.covered) return false;
    const PathState state = decode_state(h.world);
    const Level limit = limit_at(state);
    return std::min(std::max(state.allowed, rule.level), limit) > std::min(state.allowed, limit);
  };
  return scope.spend(search.some(lifts, scope.budget()));
}

void report(const Scope &scope, uint32_t r, lang::Diagnostics &diagnostics) {
  const lang::Rule &rule = scope.rules.rules[r];
  const std::string covered = least_covered(scope, rule.patterns);
  const WalkedPath there = walk_path(scope.automaton, covered);
  const bool capped = there.rule != kNoRule && scope.rules.rules[there.rule].kind == lang::Rule::Kind::limit;
  const std::string why = rule.level == Level::none ? "an allow at none opens nothing"
                          : capped ? "a limit holds everything that it covers at a lower level"
                                   : "other rules already allow everything that it covers";
  lang::Diagnostic &d =
      diagnostics.report(lang::Code::dead_rule, rule.place, "`" + rule.text + "` changes nothing: " + why);
  if (rule.inherited) d.severity = lang::Severity::note;
  d.example = covered;
  remark_decider(scope, covered, r, d);
  // Who writes `allow view /data` below `allow read /` wants less there, not more.
  if (!rule.inherited && !capped && there.level > rule.level) {
    constexpr uint32_t kAllowLength = 5;
    lang::Place keyword = rule.place;
    keyword.length = kAllowLength;
    d.fixes.push_back({keyword, "limit"});
  }
}

}  // namespace

void check_dead_rules(Scope &scope, lang::Diagnostics &diagnostics) {
  Undecided undecided;
  for (uint32_t r = 0; r < scope.rules.rules.size(); ++r) {
    const lang::Rule &rule = scope.rules.rules[r];
    if (rule.kind != lang::Rule::Kind::allow) continue;
    const Found life = find_life(scope, r);
    if (life.path) continue;
    if (life.over_budget) {
      undecided.add(rule.place);
      continue;
    }
    scope.dead[r] = true;
    report(scope, r, diagnostics);
  }
  undecided.report("changes anything", diagnostics);
}

}  // namespace agentfense::compiler
