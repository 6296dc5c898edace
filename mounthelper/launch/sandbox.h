// Sandbox: a running bubblewrap, and how to end it for good.
//
// Made by start_sandbox(); watched by supervise(). bubblewrap is pid 1 of a pid namespace that is made for
// it, outside the one that it makes for the command. So everything it starts goes when it goes, at whatever
// moment, and it goes with the helper. Its own --die-with-parent does not do that alone: a child whose
// parent dies before it has asked for the signal never gets one.
#pragma once

#include <csignal>

#include <sys/types.h>

#include "mounthelper/launch/plan.h"
#include "mounthelper/sys/fd.h"
#include "mounthelper/sys/status.h"

namespace agentfense::launch {

struct Sandbox {
  pid_t bwrap = -1;  // our child
  sys::Fd bwrap_fd;  // a pidfd: readable when it has ended
  sys::Fd status;    // its JSON status lines
};

// Starts the plan. `mask` is the signal mask that the command begins with. The calling thread must live as
// long as the sandbox: its end is what the kernel watches. The failure's message is one sentence.
// REQUIRES: one thread, CAP_SYS_ADMIN in its user namespace.
[[nodiscard]] sys::Result<Sandbox> start_sandbox(const LaunchPlan &plan, const sigset_t &mask);

// Kills the sandbox and returns when no process of it is left.
void end_sandbox(const Sandbox &sandbox);

// Sends a signal to the command's process group; to the command alone where `group` is false. False where there is
// no command.
bool signal_command(const Sandbox &sandbox, int number, bool group);

}  // namespace agentfense::launch
