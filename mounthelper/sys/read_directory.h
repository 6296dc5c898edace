// read_directory: every entry of an open directory, "." and ".." left out.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "mounthelper/sys/status.h"

namespace agentfense::sys {

struct RawEntry {
  std::string_view name;  // followed by NUL; valid during the call only
  uint64_t ino;
  uint8_t type;  // DT_*
};

// REQUIRES: fd is open for reading (not O_PATH). Moves its position to the end.
[[nodiscard]] Status read_directory(int fd, const std::function<void(const RawEntry &)> &each);

}  // namespace agentfense::sys
