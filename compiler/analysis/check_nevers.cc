#include <string>

#include "compiler/analysis/checks.h"
#include "compiler/analysis/walk_path.h"

namespace agentfense::compiler {

void check_nevers(Scope &scope, lang::Diagnostics &diagnostics) {
  for (const lang::NeverRule &never : scope.rules.nevers) {
    const PatternWalk patterns(never.patterns, scope.alphabet);
    RuleSearch search(scope.alphabet, scope.levels, patterns);
    search.leave_where([&](const Here &h) { return scope.highest_from(h) < never.level; });
    const Found found = scope.spend(search.least(
        [&](const Here &h) { return h.covered && scope.level_at(h) >= never.level; }, scope.budget()));
    if (found.over_budget) {
      diagnostics.report(lang::Code::too_complex, never.place,
                         "whether `" + never.text +
                             "` holds cannot be decided within the budget; "
                             "write it with fewer `**`");
      continue;
    }
    if (!found.path) continue;
    const lang::Level level = walk_path(scope.automaton, *found.path).level;
    lang::Diagnostic &d = diagnostics.report(
        lang::Code::never_broken, never.place,
        "`" + never.text + "` does not hold: the level there is " + lang::level_name(level));
    d.example = *found.path;
    remark_decider(scope, *found.path, kNoRule, d);
  }
}

}  // namespace agentfense::compiler
