// What the commands of `mount.agentfense delta` that write have in common.
#pragma once

#include <functional>
#include <string>

#include "mounthelper/cli/delta_arguments.h"

namespace agentfense::cli {

enum class Writing {
  base,    // the base as well
  delta,   // the delta alone
  shrinks  // it only takes from the delta: a full disk is no hindrance
};

// Held for this process; never makes a delta.
[[nodiscard]] sys::Result<OpenDelta> open_delta_to_write(const DeltaArguments &arguments, Writing writing);

// EBUSY where an apply or a discard was cut short: nothing else may change the delta then.
[[nodiscard]] sys::Status check_no_journal(const OpenDelta &open);

// "what: done of all" on stderr, at most some times a second, where that is a terminal; else nothing. all: 0 where it is
// not known, which leaves it out.
[[nodiscard]] std::function<void(size_t done, size_t all)> progress_of(std::string what);

}  // namespace agentfense::cli
