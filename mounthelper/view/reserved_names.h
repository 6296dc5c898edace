// Names that no view shows, whatever its policy says: they are not there, and none can be made.
//
// They are what `delta apply` has not finished in the base: files with the content and, for an instant, the mode of what
// they become, under a name that no policy was written for.
#pragma once

#include <string_view>

#include "compiler/table/table.h"

namespace agentfense::view {

inline constexpr std::string_view kReservedPrefix = ".agentfense-apply-";

[[nodiscard]] constexpr bool is_reserved(std::string_view name) { return name.starts_with(kReservedPrefix); }

// The same of a path, any component of it.
[[nodiscard]] constexpr bool holds_reserved(std::string_view path) {
  for (size_t at = path.find(kReservedPrefix); at != std::string_view::npos;
       at = path.find(kReservedPrefix, at + 1)) {
    if (at == 0 || path[at - 1] == '/') return true;
  }
  return false;
}

// What the table says of `name`, whose state is `state`.
[[nodiscard]] inline table::StateInfo info_of(const table::Table &table, table::StateId state,
                                              std::string_view name) {
  table::StateInfo info = table.info(state);
  if (!is_reserved(name)) return info;
  info.level = info.below = table::Level::none;
  info.visible_below = info.writable_child = false;
  info.uniform_below = true;
  return info;
}

}  // namespace agentfense::view
