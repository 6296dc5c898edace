#include <string>

#include "compiler/analysis/checks.h"
#include "compiler/analysis/walk_path.h"

namespace agentfense::compiler {

void check_tests(const lang::RuleSet &rules, const Automaton &automaton, lang::Diagnostics &diagnostics) {
  for (const lang::TestCase &test : rules.tests) {
    const WalkedPath actual = walk_path(automaton, test.path);
    if (actual.level == test.level) continue;
    lang::Diagnostic &d =
        diagnostics.report(lang::Code::test_failed, test.place,
                           std::string("expected ") + lang::level_name(test.level) + ", but the level is " +
                               lang::level_name(actual.level) +
                               (actual.rule == kNoRule ? ": no allow rule covers the path" : ""));
    d.example = test.path;
    if (actual.rule != kNoRule) {
      const lang::Rule &rule = rules.rules[actual.rule];
      d.remarks.push_back({rule.place, "decided by `" + rule.text + "`"});
    }
  }
}

}  // namespace agentfense::compiler
