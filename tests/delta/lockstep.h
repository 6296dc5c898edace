// Lockstep: the same operations on two directories, and the first answer that differs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/delta/generate.h"
#include "tests/delta/script.h"

namespace agentfense::testing {

struct LockstepRequest {
  std::string left;   // the plain directory, or one view of two; operations are made up from what it shows
  std::string right;  // the view
  uint64_t seed = 0;
  long count = 0;                         // of operations that are made up
  long every = 0;                         // a remount after so many of them
  std::optional<std::vector<Op>> script;  // instead of making them up
  Style style;
  bool exact = false;      // two views of one kind, see side.h
  bool may_cross = false;  // EXDEV of a rename on the right is no difference: neither side does it then
  bool identities = true;  // whether numbers must last
};

struct LockstepResult {
  std::vector<Op> done;
  std::string difference;  // empty: none
  long succeeded = 0;
  long crossed = 0;
};

// `remount` closes everything and calls `remount`, which comes back when both are mounted again; `check`
// compares the trees. Both are operations of a script; they are made at the end in any case.
[[nodiscard]] LockstepResult run_lockstep(const LockstepRequest &request, bool (*remount)());

}  // namespace agentfense::testing
