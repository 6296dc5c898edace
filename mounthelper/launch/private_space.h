// A mount namespace of our own, in which the view can be mounted without anybody else seeing it and
// without anything to clean up: it goes with the last process in it.
#pragma once

#include "mounthelper/sys/status.h"

namespace agentfense::launch {

enum class Space : unsigned char {
  host_ids,  // by root: only the mount namespace is new
  own_ids,   // by an ordinary user: a user namespace too, which knows the caller's two ids alone
};

// REQUIRES: one thread. The failure's message says which of the kernel's switches forbids it.
[[nodiscard]] sys::Result<Space> enter_private_space();

}  // namespace agentfense::launch
