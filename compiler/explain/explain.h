// explain_path: who decides the level of a path, and why every other rule that covers it does not.
//
// Who decides is defined in compiler/automaton/path_state.h. Read by the command line and, as data, by
// whoever shows rules beside paths. Threads: pure.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "compiler/analysis/walk_path.h"
#include "lang/rules.h"

namespace agentfense::compiler {

// How a rule that covers the path fares there.
enum class Standing : uint8_t {
  decides,
  opened,       // a limit of which an exception covers the path
  no_effect,    // `allow none` or `limit write`
  lowered,      // an allow; a limit of a lower level decides
  limit_first,  // an allow; a limit of its level decides
  outdone,      // an allow; another one gives more
  above,        // a limit; a lower limit decides, or no allow gives as much as it leaves
  further_up,   // of the decider's kind and level, which speaks for a shorter part of the path
  later,        // the same, for an equally long part; the decider comes first
};

[[nodiscard]] const char *standing_name(Standing standing);  // "opened", "no-effect", ...

struct CoveringRule {
  uint32_t rule;     // index into RuleSet::rules
  uint32_t pattern;  // of Rule::patterns, that covers the path
  uint32_t length;   // components of the shortest part of the path that it matches
  Standing standing;
  uint32_t by;      // the rule that it loses to; kNoRule where no rule does that
  uint32_t except;  // where opened: index into Rule::except
};

struct Explanation {
  lang::Level level;
  uint32_t rule;                       // the decider, or kNoRule
  lang::Level allowed;                 // what the allows give
  std::vector<CoveringRule> covering;  // in rule order, the decider among them
};

// REQUIRES: path starts with '/'; empty components are skipped.
[[nodiscard]] Explanation explain_path(const lang::RuleSet &rules, std::string_view path);

}  // namespace agentfense::compiler
