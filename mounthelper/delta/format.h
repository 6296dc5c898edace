// The marks of the overlayfs upper format; see FORMAT.md.
//
// Pure but for the attribute calls. Threads: safe.
#pragma once

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mounthelper/sys/status.h"

namespace agentfense::delta {

[[nodiscard]] inline bool is_whiteout(const struct stat &info) {
  return S_ISCHR(info.st_mode) && info.st_rdev == makedev(0, 0);
}

// Makes one at a free name. EEXIST where the name is taken.
[[nodiscard]] sys::Status make_whiteout(int directory, const char *name);

// Of the directory `name` in `directory` (any handle, O_PATH too).
[[nodiscard]] sys::Result<bool> is_opaque(int directory, const char *name);
[[nodiscard]] sys::Status set_opaque(int directory, const char *name);
[[nodiscard]] sys::Status clear_opaque(int directory, const char *name);

// The inode number of the base file that was copied up to here; 0 where none is noted. Directories and
// regular files; others have none. note_origin is best effort: a file system without room keeps none.
[[nodiscard]] uint64_t origin_of(int directory, const char *name);
void note_origin(int directory, const char *name, uint64_t base_inode);
void note_origin(int fd, uint64_t base_inode);  // REQUIRES: not O_PATH

inline constexpr std::string_view kPrivatePrefix = "user.overlay.";
// The name under which an attribute of the base is kept in the upper layer, and back.
[[nodiscard]] std::string escape_attribute(std::string_view base_name);
// Nothing for an attribute that is a mark of ours or of the kernel's.
[[nodiscard]] std::optional<std::string> unescape_attribute(std::string_view upper_name);

}  // namespace agentfense::delta
