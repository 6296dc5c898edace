// Changing a file's attributes through a handle that may be O_PATH: never by following a symlink.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <ctime>

#include "mounthelper/sys/status.h"

namespace agentfense::sys {

// REQUIRES: fd is open, O_PATH or not. EOPNOTSUPP for a symlink's mode.
[[nodiscard]] Status change_mode(int fd, mode_t mode);
// (uid_t)-1 and (gid_t)-1 leave a value as it is.
[[nodiscard]] Status change_owner(int fd, uid_t user, gid_t group);
[[nodiscard]] Status change_times(int fd, const timespec (&times)[2]);

}  // namespace agentfense::sys
