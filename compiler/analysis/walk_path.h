// walk_path: one path through the automaton, with the rule that decides.
#pragma once

#include <cstdint>
#include <string_view>

#include "compiler/automaton/automaton.h"

namespace agentfense::compiler {

inline constexpr uint32_t kNoRule = 0xffffffff;

struct WalkedPath {
  uint32_t state;
  lang::Level level;
  uint32_t rule;  // index into RuleSet::rules, or kNoRule
};

// REQUIRES: path starts with '/'; empty components are skipped.
[[nodiscard]] WalkedPath walk_path(const Automaton &automaton, std::string_view path);

}  // namespace agentfense::compiler
