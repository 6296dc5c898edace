#include <string>

#include "compiler/analysis/checks.h"
#include "compiler/analysis/walk_path.h"

namespace agentfense::compiler {

void check_tests(Scope &scope, lang::Diagnostics &diagnostics) {
  for (const lang::TestCase &test : scope.rules.tests) {
    const WalkedPath actual = walk_path(scope.automaton, test.path);
    if (actual.level == test.level) continue;
    lang::Diagnostic &d =
        diagnostics.report(lang::Code::test_failed, test.place,
                           std::string("expected ") + lang::level_name(test.level) + ", but the level is " +
                               lang::level_name(actual.level) +
                               (actual.rule == kNoRule ? ": no allow rule covers the path" : ""));
    d.example = test.path;
    remark_decider(scope, test.path, kNoRule, d);
  }
}

}  // namespace agentfense::compiler
