// The run command: a private view, and a command in a sandbox over it.
#pragma once

#include <span>

namespace agentfense::cli {

// `words`: the arguments after "run". Returns the exit code when neither a mount nor a process of the sandbox
// is left. REQUIRES: one thread.
[[nodiscard]] int run_main(std::span<const char *const> words);

}  // namespace agentfense::cli
