// Copying a file with all that belongs to it, through handles alone: copy-up, apply and snapshots use it.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <string>
#include <string_view>

#include "mounthelper/sys/status.h"

namespace agentfense::delta {

// The first `size` bytes of `from` into the empty file `to`: a reflink where the file system shares blocks,
// else copy_file_range, else read and write; holes stay holes.
// REQUIRES: `from` is open for reading, `to` for writing.
[[nodiscard]] sys::Status copy_data(int from, int to, off_t size);

// Extended attributes: user.*, POSIX ACLs and, where we may, security.*; none of these are errors where the
// target cannot keep them except ENOSPC and EDQUOT. rename_attribute says under which name to keep one, or
// none (an empty string) to leave it out.
// REQUIRES: neither is O_PATH.
[[nodiscard]] sys::Status copy_attributes(
    int from, int to, const std::function<std::string(std::string_view)> &rename_attribute);

// Owner, mode (set-id bits included, where they hold for the owner), then times. `to` may be O_PATH.
// A caller that may not give files away keeps its own ids: not an error.
[[nodiscard]] sys::Status copy_ownership(const struct stat &info, int to);
[[nodiscard]] sys::Status copy_times(const struct stat &info, int to);

}  // namespace agentfense::delta
