// harden: what the serving process gives up once the view is mounted.
#pragma once

#include "mounthelper/sys/status.h"

namespace agentfense::mount {

enum class Powers : unsigned char {
  server_for_all,  // root, serving several users: acts with each caller's ids
  own_rights,      // an ordinary user, or a user namespace of our own: no capability at all
};

// Of the whole process: no core files, no ptrace by other processes of the same user; of the calling thread and
// those that it starts later: capabilities. no_new_privileges must be false where a setuid program is still
// needed to unmount. REQUIRES: one thread.
[[nodiscard]] sys::Status harden(Powers powers, bool no_new_privileges);

}  // namespace agentfense::mount
