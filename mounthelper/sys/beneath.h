// open_dir_beneath: the only way in which a path of more than one component meets the base.
#pragma once

#include <string_view>

#include "mounthelper/sys/fd.h"
#include "mounthelper/sys/status.h"

namespace agentfense::sys {

// Opens the directory `path` below `root` as an O_PATH handle, following no symlink in any
// component. A path longer than PATH_MAX is walked in pieces; a kernel or a filter without openat2
// makes it a walk by component.
// REQUIRES: path is relative, holds no NUL, no empty, "." or ".." component, except that a wholly
// empty path means root itself.
// errno: that of openat2; ELOOP and ENOTDIR where a component is a symlink.
[[nodiscard]] Result<Fd> open_dir_beneath(int root, std::string_view path);

}  // namespace agentfense::sys
