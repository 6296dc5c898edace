// Whether one directory lies inside another. By identity and not by name: a directory may have several names.
#pragma once

#include <sys/stat.h>

#include "mounthelper/sys/status.h"

namespace agentfense::sys {

[[nodiscard]] inline bool same_file(const struct stat &a, const struct stat &b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// Whether some ancestor of the directory, itself left out, is `top`: upwards by "..".
// REQUIRES: dir is a handle that a path led to; a detached copy of a mount has nothing above it.
[[nodiscard]] Result<bool> is_below(int dir, const struct stat &top);

}  // namespace agentfense::sys
