// Every path of an upper layer, as it is on disk. For apply, discard and export.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "mounthelper/sys/status.h"

namespace agentfense::delta {

struct UpperEntry {
  std::string path;
  int directory = -1;  // a handle of its directory, during the call
  const char *name = nullptr;
  struct stat info {};
};

// The root left out; in the order of paths (bytes of each component; a directory right before what is in it). Follows no symlink; few
// descriptors and no recursion, however deep it is. Stops at the first failure, of `each` too.
// upper: any handle of the directory.
[[nodiscard]] sys::Status walk_upper(int upper, const std::function<sys::Status(const UpperEntry &)> &each);

// Files with several names: number -> the names, in order. Directories and files of one name are not in it.
using Links = std::map<uint64_t, std::vector<std::string>>;
[[nodiscard]] sys::Result<Links> find_links(int upper);

}  // namespace agentfense::delta
