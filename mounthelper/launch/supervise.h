// supervise: from a started sandbox to an exit status.
#pragma once

#include <csignal>
#include <optional>
#include <string>

#include "mounthelper/launch/sandbox.h"

namespace agentfense::launch {

inline constexpr int kHelperFailed = 125;  // as env(1) and timeout(1)
inline constexpr int kTimedOut = 124;

// The signals that are passed on to the command. Block them before the sandbox starts.
[[nodiscard]] sigset_t passed_signals();
// When the command has ended: what was still to be passed on goes with it, and from then on a signal is for us again.
// before: the mask from before they were blocked.
void take_back_signals(const sigset_t &before);

struct Watch {
  std::optional<double> timeout;  // seconds, from now
  int view_ended_fd = -1;         // readable when the view no longer answers; not owned
};

struct Outcome {
  int exit_code = kHelperFailed;  // the command's own, or 128+N where signal N ended it, or one of the above
  std::string message;            // one sentence where the exit code is the helper's own
};

// Passes signals on, waits, and returns when no process of the sandbox is left, however it ended: a
// grandchild that would outlive the command is killed. A signal that a terminal sends goes to the
// command's whole process group, as the terminal would; one sent by kill(2) to the command alone.
[[nodiscard]] Outcome supervise(Sandbox sandbox, const Watch &watch);

}  // namespace agentfense::launch
