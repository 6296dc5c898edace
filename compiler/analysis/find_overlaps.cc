#include <string>

#include "compiler/analysis/checks.h"

namespace agentfense::compiler {
namespace {

// A policy of thousands of rules has millions of pairs; nobody reads them, and no report could hold them.
constexpr uint64_t kMaxPairs = 200'000;
constexpr uint64_t kMaxOverlaps = 20'000;

}  // namespace

void find_overlaps(Scope &scope, Analysis &analysis, lang::Diagnostics &diagnostics) {
  using Kind = lang::Rule::Kind;
  const std::vector<lang::Rule> &rules = scope.rules.rules;
  uint64_t pairs = 0;
  for (uint32_t a = 0; a < rules.size(); ++a) {
    if (rules[a].kind != Kind::allow) continue;
    const PatternWalk allow(rules[a].patterns, scope.alphabet);
    for (uint32_t l = 0; l < rules.size(); ++l) {
      if (rules[l].kind != Kind::limit || rules[l].level == rules[a].level) continue;
      if (++pairs > kMaxPairs || analysis.overlaps.size() >= kMaxOverlaps || scope.steps_left == 0) {
        ++analysis.overlaps_left_out;
        continue;
      }
      const PatternWalk limit(rules[l].patterns, scope.alphabet);
      const PatternWalk except(rules[l].except, scope.alphabet);
      RuleSearch search(scope.alphabet, scope.nothing, allow, {&limit, &except});
      search.leave_where([](const Here &h) { return h.beside[1]; });
      const Found found = scope.spend(search.least(
          [](const Here &h) { return h.covered && h.beside[0] && !h.beside[1]; }, scope.budget()));
      if (found.over_budget) ++analysis.overlaps_left_out;
      if (!found.path) continue;
      const bool limit_decides = rules[l].level < rules[a].level;
      analysis.overlaps.push_back({a, l, limit_decides, *found.path});
      lang::Diagnostic &d =
          diagnostics.report(lang::Code::overlap, rules[a].place,
                             "`" + rules[a].text + "` meets `" + rules[l].text + "`: " +
                                 (limit_decides ? "the limit, which is lower, decides"
                                                : "the limit is higher and lowers nothing"));
      d.example = *found.path;
      d.report_only = true;
      d.remarks.push_back({rules[l].place, "the limit"});
    }
  }
}

}  // namespace agentfense::compiler
