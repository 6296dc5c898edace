// Files of an upper layer with several names, by their number. For apply and export.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "mounthelper/sys/status.h"

namespace agentfense::delta {

// Number -> the names (relative paths), in order. Directories and files of one name are not in it.
using Links = std::map<uint64_t, std::vector<std::string>>;

// upper: any handle of the directory. Follows no symlink, few descriptors.
[[nodiscard]] sys::Result<Links> find_links(int upper);

}  // namespace agentfense::delta
