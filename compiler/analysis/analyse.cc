#include "compiler/analysis/analyse.h"

#include <algorithm>

#include "compiler/analysis/checks.h"

namespace agentfense::compiler {

Analysis analyse(Scope &scope, Depth depth, lang::Diagnostics &diagnostics) {
  Analysis analysis;
  // A policy of limits alone is there to be extended; what they have to do is known where they are taken.
  const auto is_allow = [](const lang::Rule &rule) { return rule.kind == lang::Rule::Kind::allow; };
  if (std::ranges::none_of(scope.rules.rules, is_allow)) return analysis;

  check_redundant_limits(scope, diagnostics);
  check_capped_allows(scope, depth, diagnostics);
  check_excepts(scope, diagnostics);
  check_near_misses(scope, diagnostics);
  analysis.exposures = check_name_exposure(scope, depth, diagnostics);
  if (depth == Depth::findings) return analysis;
  find_overlaps(scope, analysis, diagnostics);
  analysis.weakenings = find_weakenings(scope);
  return analysis;
}

}  // namespace agentfense::compiler
