// Parts of a path relative to a root, "" being the root itself.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>
#include <string_view>

#include "compiler/table/table.h"

namespace agentfense::delta {

[[nodiscard]] inline std::string_view parent_of(std::string_view path) {
  size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

// Its last component, within `path`; "" of the root.
[[nodiscard]] inline const char *name_of(const std::string &path) {
  return path.c_str() + (path.rfind('/') + 1);  // 0 where there is no slash
}

// The same for a look from its parent: "." of the root.
[[nodiscard]] inline const char *name_at_parent(const std::string &path) {
  return path.empty() ? "." : name_of(path);
}

[[nodiscard]] inline bool is_directory(const std::optional<struct stat> &info) {
  return info && S_ISDIR(info->st_mode);
}

// Level::write at this path, and no reserved name.
[[nodiscard]] bool may_write(const table::Table &table, std::string_view path);

}  // namespace agentfense::delta
