// The reference: what the language page says, word for word, as slowly and plainly as can be.
//
// Walks all rules for each path and backtracks over each pattern. Used only by tests, which hold the
// automaton, the encoded table and the mounted view against it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lang/rules.h"

namespace agentfense::reference {

inline constexpr uint32_t kNoRule = 0xffffffff;

// The components of "/a/b" (none for "/").
[[nodiscard]] std::vector<std::string> split(std::string_view path);

// Whether the pattern matches the path itself or an ancestor of it.
[[nodiscard]] bool covers(const lang::PathPattern &pattern, const std::vector<std::string> &path);

struct Answer {
  lang::Level level;
  uint32_t rule;  // the deciding rule, or kNoRule
};

// effective(p), and who decides: the limit of the lowest level that holds where that is not above
// what is allowed, else the highest allow; of several the one that covers the shortest part of the
// path, then the first.
[[nodiscard]] Answer evaluate(const lang::RuleSet &rules, std::string_view path);

}  // namespace agentfense::reference
