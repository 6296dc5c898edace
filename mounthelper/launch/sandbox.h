// Sandbox: a running bubblewrap, and how to end it for good.
//
// Made by start_sandbox(); watched by supervise(). Two processes stand between the helper and the
// command: bubblewrap's monitor, our child, and its pid 1 in the sandbox, which the kernel takes down,
// with everything in its pid namespace, when the monitor dies; and the monitor dies with the helper.
#pragma once

#include <csignal>

#include <sys/types.h>

#include "mounthelper/launch/plan.h"
#include "mounthelper/sys/fd.h"
#include "mounthelper/sys/status.h"

namespace agentfense::launch {

struct Sandbox {
  pid_t monitor = -1;
  sys::Fd monitor_fd;  // a pidfd: readable when the monitor has ended
  sys::Fd status;      // bubblewrap's JSON status lines
  pid_t inner = -1;    // pid 1 of the sandbox, by our numbering; set once bubblewrap has told it
  sys::Fd inner_fd;    // a pidfd of it
};

// Starts the plan. `mask` is the signal mask that the command begins with. The calling thread must live as
// long as the sandbox: its end is what the kernel watches. Makes this process the one that orphans of the
// sandbox fall to. The failure's message is one sentence.
[[nodiscard]] sys::Result<Sandbox> start_sandbox(const LaunchPlan &plan, const sigset_t &mask);

// Kills the sandbox and returns when no process of it is left.
void end_sandbox(const Sandbox &sandbox);

}  // namespace agentfense::launch
