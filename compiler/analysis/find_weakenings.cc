#include <string>

#include "compiler/analysis/checks.h"

namespace agentfense::compiler {
namespace {

using lang::Level;
using Kind = Weakening::Kind;

constexpr Level kFalling[] = {Level::write, Level::read, Level::view};

// The highest level that some path has which the pattern covers and the allow could have given.
void add_opening(Scope &scope, uint32_t r, uint32_t p, std::vector<Weakening> &weakenings) {
  const lang::Rule &rule = scope.rules.rules[r];
  const PatternWalk pattern(std::vector<lang::RulePattern>{rule.patterns[p]}, scope.alphabet);
  for (const Level level : kFalling) {
    if (level > rule.level) continue;
    RuleSearch search(scope.alphabet, scope.levels, pattern);
    search.leave_where([&](const Here &h) { return scope.highest_from(h) < level; });
    const Found found = scope.spend(
        search.least([&](const Here &h) { return h.covered && scope.level_at(h) >= level; }, scope.budget()));
    if (!found.path) continue;
    weakenings.push_back({Kind::opens, r, p, level, *found.path});
    return;
  }
}

void add_exception(Scope &scope, uint32_t r, uint32_t e, std::vector<Weakening> &weakenings) {
  const lang::Rule &rule = scope.rules.rules[r];
  const PatternWalk except(std::vector<lang::RulePattern>{rule.except[e]}, scope.alphabet);
  const PatternWalk limit(rule.patterns, scope.alphabet);
  for (const Level level : kFalling) {
    if (level <= rule.level) return;
    RuleSearch search(scope.alphabet, scope.levels, except, {&limit});
    search.leave_where([&](const Here &h) { return scope.highest_from(h) < level; });
    const Found found = scope.spend(
        search.least([&](const Here &h) { return h.covered && h.beside[0] && scope.level_at(h) >= level; },
                     scope.budget()));
    if (!found.path) continue;
    weakenings.push_back({Kind::exception, r, e, level, *found.path});
    return;
  }
}

}  // namespace

std::vector<Weakening> find_weakenings(Scope &scope) {
  std::vector<Weakening> weakenings;
  for (uint32_t r = 0; r < scope.rules.rules.size(); ++r) {
    const lang::Rule &rule = scope.rules.rules[r];
    if (rule.kind == lang::Rule::Kind::allow) {
      for (uint32_t p = 0; p < rule.patterns.size(); ++p) add_opening(scope, r, p, weakenings);
    }
    for (uint32_t e = 0; e < rule.except.size(); ++e) add_exception(scope, r, e, weakenings);
  }
  return weakenings;
}

}  // namespace agentfense::compiler
