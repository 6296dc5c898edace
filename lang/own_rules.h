// own_rules: what one policy says itself, every pattern read and every set expanded.
#pragma once

#include <vector>

#include "lang/bind_names.h"

namespace agentfense::lang {

struct OwnRules {
  std::vector<Rule> rules;
  std::vector<NeverRule> nevers;
  std::vector<TestCase> tests;
  std::vector<std::vector<RulePattern>> extends_except;  // one list for each ast::Policy::extends
};

// Reports every wrong item; what comes back is then incomplete.
[[nodiscard]] OwnRules own_rules(const ast::Policy &policy, const Scope &scope, PatternBudget &budget,
                                 Diagnostics &diagnostics);

}  // namespace agentfense::lang
