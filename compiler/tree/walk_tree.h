// walk_tree: every entry of a directory tree, once, for whoever holds a policy against real files.
//
// Directories are opened one by one with openat and O_NOFOLLOW: no symbolic link below the start is
// followed, no file is opened, and no path is too long or too deep. What is mounted inside the tree is
// part of it. A tree that changes meanwhile is seen in some state or other, without harm.
//
// Read by survey.cc and compiler/diff. Threads: one for a call.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace agentfense::compiler {

struct TreeEntry {
  std::string_view name;  // any bytes but `/` and NUL
  bool directory = false;
  // Of regular files, where asked for: names that the file has, and who it is. Else 0.
  uint64_t links = 0;
  uint64_t device = 0;
  uint64_t inode = 0;
};

struct TreeVisitor {
  // An entry of the directory that was entered last and not left. `parent` is that directory's path
  // below the start: "" for the start itself, else "/a/b". Order within a directory is the file
  // system's.
  std::function<void(const std::string &parent, const TreeEntry &entry)> entry;
  // A directory whose entry was seen, before and after its own entries; may be empty. The start is
  // neither entered nor left.
  std::function<void(std::string_view name)> enter;
  std::function<void()> leave;
  bool want_links = false;  // costs one fstatat for each regular file
};

struct TreeCounts {
  uint64_t entries = 0;  // without the start
  uint64_t directories = 0;
  uint64_t unreadable = 0;  // directories that could not be listed, or not to the end
};

// Nothing where `dir` itself cannot be listed; `error` is then why, as one clause.
[[nodiscard]] std::optional<TreeCounts> walk_tree(const std::string &dir, const TreeVisitor &visitor,
                                                  std::string &error);

}  // namespace agentfense::compiler
