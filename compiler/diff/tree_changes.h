// tree_changes: the files of a real tree that a change of policy touches.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "compiler/diff/compare.h"
#include "compiler/table/table.h"

namespace agentfense::compiler::diff {

struct ChangedEntry {
  std::string path;  // in the view; the tree's root is "/"
  Change change;
  table::Level from;
  table::Level to;
};

struct TreeChanges {
  std::string dir;
  uint64_t entries = 0;  // that were looked at, without the root
  uint64_t unreadable = 0;
  // By path, a directory before what is in it. Only directories appear and vanish.
  std::vector<ChangedEntry> changed;
};

// One walk with both tables (walk_tree.h). A string instead says why `dir` cannot be listed, as one
// sentence. `progress` is called with the entries seen so far, for every entry; it may be empty.
[[nodiscard]] std::variant<TreeChanges, std::string> changes_in_tree(
    const std::string &dir, const table::Table &old_table, const table::Table &new_table,
    const std::function<void(uint64_t entries)> &progress);

}  // namespace agentfense::compiler::diff
