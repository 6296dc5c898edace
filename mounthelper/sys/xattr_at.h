// Extended attributes of a name in a directory, never following a symlink at it.
//
// getxattrat(2) and its kin where the kernel has them (Linux 6.13), else the kernel's own link to the directory.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "mounthelper/sys/status.h"

namespace agentfense::sys {

// REQUIRES: directory is any handle of a directory, name a single component, "." for the directory itself.
[[nodiscard]] Result<std::string> get_attribute_at(int directory, const char *name, const char *attribute);
[[nodiscard]] Status set_attribute_at(int directory, const char *name, const char *attribute,
                                      std::string_view value);
[[nodiscard]] Status remove_attribute_at(int directory, const char *name, const char *attribute);

// The names of an open file's attributes; none where they cannot be listed. REQUIRES: fd is not O_PATH.
[[nodiscard]] std::vector<std::string> attribute_names(int fd);

}  // namespace agentfense::sys
