// What the view shows of a file's attributes: the base's, less what the level withholds.
#pragma once

#include <sys/stat.h>

#include "compiler/table/table.h"

namespace agentfense::view {

// Permission bits tell the truth about levels, so that access(2) agrees with open(2). Set-id bits
// never show. `info` is of the path; of it, a file needs only the level.
[[nodiscard]] mode_t mode_in_view(mode_t base_mode, const table::StateInfo &info);

// The inode number to show: the base's own, made distinct where the file is on another device than
// the base's root. Depends on nothing else, so it is the same after a remount.
[[nodiscard]] uint64_t inode_in_view(uint64_t dev, uint64_t ino, uint64_t root_dev);

// All of it. A directory's size, blocks and link count are constant: they would count hidden children.
// A file's link count and a directory's time stamps are the base's own: other names of a visible file,
// and the moment at which a hidden entry came or went, are counted as the visible one's metadata.
[[nodiscard]] struct stat stat_in_view(const struct stat &base, const table::StateInfo &info,
                                       uint64_t root_dev);

}  // namespace agentfense::view
