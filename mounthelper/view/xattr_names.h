// Which extended attributes a view knows. Pure.
#pragma once

#include <string_view>
#include <vector>

namespace agentfense::view {

// 0: an attribute of the file's user. ENODATA or EPERM: one that the view never shows nor takes.
// EOPNOTSUPP: a kind that the view does not have, POSIX ACLs among them.
[[nodiscard]] int decide_xattr_read(std::string_view name);
[[nodiscard]] int decide_xattr_change(std::string_view name);

// From a list as listxattr(2) gives it (names, each ended by NUL) the names that the view shows.
[[nodiscard]] std::vector<char> filter_xattr_list(std::string_view list);

}  // namespace agentfense::view
