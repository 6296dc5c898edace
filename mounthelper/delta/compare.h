// Whether a file of the upper layer says anything else than one of the base.
//
// Through directory handles, following no symlink. Threads: plain functions.
#pragma once

#include <sys/stat.h>

#include <string>

#include "mounthelper/sys/status.h"

namespace agentfense::delta {

// A name in a directory, as seen a moment ago. Not owned.
struct FileAt {
  int directory = -1;
  const char *name = nullptr;
  const struct stat *info = nullptr;
};

// The bytes of two regular files, the targets of two symlinks, the numbers of two devices; directories, FIFOs and
// sockets have no content. A file that may not be read counts as equal where size and modification time are.
// REQUIRES: both are of one type.
// ENOENT where one of them is gone by now.
[[nodiscard]] sys::Result<bool> same_content(const FileAt &base, const FileAt &upper);

// Mode, owner, and the extended attributes that a process can set: user.* (the upper's unescaped) and ACLs.
[[nodiscard]] bool same_attributes(const FileAt &base, const FileAt &upper);

// The target of the symlink `name`, whatever its length.
[[nodiscard]] sys::Result<std::string> read_link(int directory, const char *name);

}  // namespace agentfense::delta
