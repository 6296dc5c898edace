// meta/delta: what a delta is, and of which base. Format: FORMAT.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mounthelper/sys/status.h"

namespace agentfense::delta {

inline constexpr const char *kIdentityName = "delta";

struct Identity {
  uint64_t base_inode = 0;
  uint64_t base_filesystem = 0;  // f_fsid
  std::string base_path;         // for messages; not compared
};

// REQUIRES: base is a handle of the base's root.
[[nodiscard]] sys::Result<Identity> identity_of(int base, const std::string &base_path);
[[nodiscard]] inline bool same_base(const Identity &a, const Identity &b) {
  return a.base_inode == b.base_inode && a.base_filesystem == b.base_filesystem;
}

[[nodiscard]] std::string format_identity(const Identity &identity);
// Nothing for text that is not whole, or of another version.
[[nodiscard]] std::optional<Identity> parse_identity(std::string_view text);

}  // namespace agentfense::delta
