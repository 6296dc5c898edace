// open_base: the handle through which a view reaches its base directory.
#pragma once

#include "mounthelper/sys/fd.h"
#include "mounthelper/sys/status.h"

namespace agentfense::sys {

// Opens the directory `path` as a private copy of its mount tree (open_tree), so that a view
// mounted inside its own base, or a mount that comes later, is never met through the handle. The
// copy follows no symlink and no device node, and takes no write where `read_only`. Where the caller
// may not copy mounts it is a plain O_PATH handle. Call it before mounting the view.
// The final component may be a symlink: the operator named it.
[[nodiscard]] Result<Fd> open_base(const char *path, bool read_only);

}  // namespace agentfense::sys
