// read_directory: every entry of an open directory, "." and ".." left out.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "mounthelper/sys/status.h"

namespace agentfense::sys {

struct RawEntry {
  std::string_view name;  // followed by NUL; valid during the call only
  uint64_t ino;
  uint8_t type;  // DT_*
};

// REQUIRES: fd is open for reading (not O_PATH). Moves its position to the end.
[[nodiscard]] Status read_directory(int fd, const std::function<void(const RawEntry &)> &each);

// The same of any handle of a directory, the names alone.
[[nodiscard]] Result<std::vector<std::string>> names_in(int directory);

}  // namespace agentfense::sys
