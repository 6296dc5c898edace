// Trees made by hand for the tests of the delta: a base and an upper layer as maps, and on disk.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "mounthelper/delta/store.h"
#include "mounthelper/sys/fd.h"

namespace agentfense::delta_test {

struct Node {
  enum Type { directory, file, symlink, fifo, whiteout };
  Type type = file;
  std::string content;  // a file's bytes, a symlink's target
  mode_t mode = 0644;
  bool opaque = false;
  std::map<std::string, std::string> attributes;
};

// By path, parents before children as a map has them; the root is not in it.
using Tree = std::map<std::string, Node>;

[[nodiscard]] inline Node dir(mode_t mode = 0755) { return {Node::directory, "", mode, false, {}}; }
[[nodiscard]] inline Node opaque_dir(mode_t mode = 0755) { return {Node::directory, "", mode, true, {}}; }
[[nodiscard]] inline Node file(std::string content, mode_t mode = 0644) {
  return {Node::file, std::move(content), mode, false, {}};
}
[[nodiscard]] inline Node link_to(std::string target) {
  return {Node::symlink, std::move(target), 0777, false, {}};
}
[[nodiscard]] inline Node fifo(mode_t mode = 0644) { return {Node::fifo, "", mode, false, {}}; }
[[nodiscard]] inline Node whiteout() { return {Node::whiteout, "", 0, false, {}}; }

// A base and a delta in a directory of their own, gone afterwards. Where the machine cannot hold whiteouts or
// attributes, usable() is false: skip() then skips, or fails where AGENTFENSE_MUST_WORK=1.
class Layers {
 public:
  Layers();
  ~Layers();
  Layers(const Layers &) = delete;
  Layers &operator=(const Layers &) = delete;

  [[nodiscard]] bool usable() const { return usable_; }
  [[nodiscard]] const std::string &path() const { return path_; }
  [[nodiscard]] int base() const { return base_.get(); }
  [[nodiscard]] const delta::Store &store() const { return store_; }

  void make_base(const Tree &tree) const { make(path_ + "/base", tree); }
  void make_upper(const Tree &tree) const { make(path_ + "/delta/upper", tree); }
  [[nodiscard]] uint64_t base_inode(const std::string &path) const;
  void note_origin(const std::string &upper_path, uint64_t number) const;

 private:
  static void make(const std::string &root, const Tree &tree);

  std::string path_;
  sys::Fd base_;
  delta::Store store_;
  bool usable_ = false;
};

}  // namespace agentfense::delta_test

#define DELTA_TEST_NEEDS(layers)                                                                  \
  do {                                                                                            \
    if (!(layers).usable()) {                                                                     \
      if (getenv("AGENTFENSE_MUST_WORK") != nullptr) FAIL() << "no whiteouts or attributes here"; \
      GTEST_SKIP() << "no whiteouts or attributes here";                                          \
    }                                                                                             \
  } while (false)
