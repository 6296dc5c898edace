// ScratchTree: a directory of its own for a test, gone with the object.
#pragma once

#include <string>

namespace agentfense::tests {

class ScratchTree {
 public:
  ScratchTree();
  ScratchTree(const ScratchTree &) = delete;
  ScratchTree &operator=(const ScratchTree &) = delete;
  ~ScratchTree();

  [[nodiscard]] const std::string &root() const { return root_; }

  // Paths are below the root and start with `/`. All fail the process where the system refuses.
  void directory(const std::string &path);  // with those above it
  void file(const std::string &path);
  void link(const std::string &from, const std::string &to);  // a second name
  void symlink(const std::string &target, const std::string &path);
  void fifo(const std::string &path);
  // A chain of `depth` directories of this name below `path`; with `file` in the innermost one.
  void chain(const std::string &path, const std::string &name, int depth, const std::string &file);

 private:
  std::string root_;
};

}  // namespace agentfense::tests
