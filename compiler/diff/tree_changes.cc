#include "compiler/diff/tree_changes.h"

#include <algorithm>
#include <optional>

#include "compiler/tree/walk_tree.h"
#include "lang/print_diagnostics.h"

namespace agentfense::compiler::diff {
namespace {

struct Standing {
  table::StateId old_state;
  table::StateId new_state;
};

// By component, so that a directory's entries stand together.
bool tree_less(const ChangedEntry &a, const ChangedEntry &b) {
  const auto rank = [](char c) { return c == '/' ? 0 : static_cast<int>(static_cast<unsigned char>(c)) + 1; };
  return std::ranges::lexicographical_compare(a.path, b.path, {}, rank, rank);
}

}  // namespace

std::variant<TreeChanges, std::string> changes_in_tree(
    const std::string &dir, const table::Table &old_table, const table::Table &new_table,
    const std::function<void(uint64_t entries)> &progress) {
  TreeChanges result;
  result.dir = dir;
  const auto look = [&](Standing at, bool directory, auto path) {
    const table::StateInfo a = old_table.info(at.old_state), b = new_table.info(at.new_state);
    if (const std::optional<Difference> found =
            difference(a.level, a.visible_below, b.level, b.visible_below)) {
      const bool names = found->change == Change::appears || found->change == Change::vanishes;
      if (directory || !names) result.changed.push_back({path(), found->change, found->from, found->to});
    }
  };

  std::vector<Standing> stack{{old_table.root(), new_table.root()}};
  const auto step = [&](std::string_view name) -> Standing {
    return {old_table.step(stack.back().old_state, name), new_table.step(stack.back().new_state, name)};
  };
  look(stack.back(), true, [] { return std::string("/"); });
  uint64_t seen = 0;
  TreeVisitor visitor;
  visitor.entry = [&](const std::string &parent, const TreeEntry &entry) {
    if (progress) progress(++seen);
    look(step(entry.name), entry.directory, [&] { return parent + "/" + std::string(entry.name); });
  };
  visitor.enter = [&](std::string_view name) { stack.push_back(step(name)); };
  visitor.leave = [&] { stack.pop_back(); };

  std::string error;
  const std::optional<TreeCounts> counts = walk_tree(dir, visitor, error);
  if (!counts) return "`" + lang::escape_bytes(dir) + "` cannot be listed: " + error + "; name a directory";
  result.entries = counts->entries;
  result.unreadable = counts->unreadable;
  std::ranges::sort(result.changed, tree_less);
  return result;
}

}  // namespace agentfense::compiler::diff
