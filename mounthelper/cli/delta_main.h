// `mount.agentfense delta COMMAND`: looks at a delta, and takes its changes over, apart or away.
#pragma once

#include <span>

namespace agentfense::cli {

// Of every command of `delta`.
enum DeltaExit : int {
  kDeltaDone = 0,
  kDeltaFound = 1,   // what the command was told to answer with: diff --exit-code, conflicts of apply
  kDeltaPartly = 3,  // apply: some of it was refused or missed
  kDeltaFailed = 2,  // wrong words, a delta or base that is refused, input or output; said on stderr
};

// words: those after `delta`. Returns the exit status.
[[nodiscard]] int delta_main(std::span<const char *const> words);

}  // namespace agentfense::cli
