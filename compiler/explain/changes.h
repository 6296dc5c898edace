// find_changes: the smallest edits of a policy that give one path another level.
//
// What may be edited: a new `allow` or `limit` for just this path in the policy; an `except` for it at a
// limit, or at the policy's own `extends` that brings the limit, unless that is sealed; a rule that
// begins to speak at this very path may be taken away. A preset's text is never edited; for the path of
// a preset itself everything belongs to a new policy that extends it.
// No smaller set of such edits gives the level. Threads: pure.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "compiler/explain/contradictions.h"
#include "compiler/explain/edit.h"
#include "compiler/explain/explain.h"
#include "lang/rules.h"

namespace agentfense::compiler {

inline constexpr size_t kMaxEdits = 8;  // more are no advice
inline constexpr size_t kMaxWays = 3;

struct Way {
  std::vector<Edit> edits;
  // What of the policy it would contradict; nothing where that could not be decided within the budget.
  std::optional<std::vector<Contradiction>> breaks;
};

// How to reach one level.
struct Change {
  lang::Level level;
  std::vector<Way> ways;  // equally many edits each; those that break nothing first; at most kMaxWays
  // Where there is no way:
  enum class Hindrance : uint8_t {
    none,
    sealed,      // a limit can be opened nowhere: its `extends` is sealed
    too_many,    // it takes more than kMaxEdits
    unspellable  // no pattern can name the path
  };
  Hindrance hindrance = Hindrance::none;
  uint32_t limit = kNoRule;         // the sealed one
  std::optional<lang::Place> seal;  // the word
};

// For each other level, the highest first. REQUIRES: `explanation` is of this path.
[[nodiscard]] std::vector<Change> find_changes(const lang::RuleSet &rules, std::string_view path,
                                               const Explanation &explanation);

}  // namespace agentfense::compiler
