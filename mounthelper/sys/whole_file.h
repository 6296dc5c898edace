// Small files, read and replaced as a whole, by their name in a directory handle.
#pragma once

#include <string>
#include <string_view>

#include "mounthelper/sys/status.h"

namespace agentfense::sys {

// EFBIG where it is larger than max_bytes; ELOOP where the name is a symlink, EINVAL where it is no regular file.
[[nodiscard]] Result<std::string> read_whole(int directory, const char *name, size_t max_bytes);

// A new file, mode 0600, renamed over `name` when it is complete; with `synced` its bytes and its name are on
// the disk upon return. On failure the old file stays and nothing is left behind.
[[nodiscard]] Status replace_whole(int directory, const char *name, std::string_view bytes, bool synced);

// Writes go on where they were interrupted.
[[nodiscard]] Status write_all(int fd, std::string_view bytes);

// fsync of a directory, for names that were made in it or taken from it.
[[nodiscard]] Status sync_directory(int directory);

}  // namespace agentfense::sys
