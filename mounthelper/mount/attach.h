// attach: a FUSE file system on a directory, and the descriptor that serves it.
//
// Called by the mount and run commands, before fuse::serve(), which takes the descriptor over. Threads:
// call it while the process has one thread; attach_as_user starts a child.
#pragma once

#include <string>

#include "mounthelper/sys/fd.h"
#include "mounthelper/sys/status.h"

namespace agentfense::mount {

struct AttachRequest {
  std::string source;  // what mount tables show as the device
  int dir_fd = -1;     // the directory, O_PATH, in the caller's mount namespace; not owned
  std::string dir;     // the same as a path, for messages and for fusermount3
  bool read_only = false;
  bool allow_other = false;
  unsigned long flags = 0;  // further flags of mount(2); nosuid and nodev are always set
};

// By mount(2): for root, or inside a user namespace of our own.
[[nodiscard]] sys::Result<sys::Fd> attach_directly(const AttachRequest &request);

// By the setuid program fusermount3: for an ordinary user in the host's namespaces.
[[nodiscard]] sys::Result<sys::Fd> attach_as_user(const AttachRequest &request);

// Gives an attached view back. Harmless where it is gone already. `dir` as in the request; `mount_id` as
// mount_id_at() said after attaching: nothing else that is mounted there meanwhile is touched.
void detach_directly(unsigned long long mount_id);
void detach_as_user(const std::string &dir, unsigned long long mount_id);

// The kernel's number of the mount that is on top at `path`, without asking its server; 0 where unknown.
[[nodiscard]] unsigned long long mount_id_at(const std::string &path);

}  // namespace agentfense::mount
