// NodeTable: which files the kernel knows, under which names, and for how long.
//
// A directory is one node per (parent, name). Any other file is one node per (device, inode, level):
// hard links of one level share a node and so the kernel's page cache, while a name of another level
// is another node, with no page in common. A node lives as long as the kernel remembers it or a name
// below it is known. No descriptor and no path is kept: a path is rebuilt from the names.
//
// Pure: no system call. Threads: one at a time; the caller locks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/table/table.h"

namespace agentfense::view {

// What the kernel calls a node. Never used twice during one connection.
using NodeId = uint64_t;
inline constexpr NodeId kRootNode = 1;

// The very file that a lookup saw: the upper one where layers are merged.
struct BaseFile {
  uint64_t dev = 0;
  uint64_t ino = 0;
  uint32_t type = 0;  // st_mode & S_IFMT
  bool operator==(const BaseFile &) const = default;
};

// The policy's word on the path through which a file was seen.
struct Standing {
  table::StateId state = 0;
  table::Level level = table::Level::none;
};

// Where a file lies under a delta; without one, all is in the base and nothing of this is set.
struct Layering {
  static constexpr uint8_t kBase = 1;
  static constexpr uint8_t kUpper = 2;
  uint8_t layers = 0;    // a merged directory: both
  bool by_name = false;  // one node per (parent, name), like a directory: its other names are other files
  uint64_t number = 0;   // what processes see as its inode number; 0: the file's own

  [[nodiscard]] bool in_upper() const { return (layers & kUpper) != 0; }
  [[nodiscard]] bool in_base() const { return (layers & kUpper) == 0 || (layers & kBase) != 0; }
};

struct NodeView {
  BaseFile file;
  Standing standing;
  Layering layering;
  size_t names = 0;  // how many are known; 0 once deleted, and always for the root
};

struct NodeName {
  NodeId parent;
  std::string name;
};

class NodeTable {
 public:
  explicit NodeTable(const BaseFile &root, Standing standing, const Layering &layering = {});
  ~NodeTable();
  NodeTable(const NodeTable &) = delete;
  NodeTable &operator=(const NodeTable &) = delete;

  // The node that the name now stands for; the kernel gets one more reference to it. A node that the
  // name stood for before, if another, loses the name.
  // REQUIRES: parent is a directory's live node.
  NodeId remember(NodeId parent, std::string_view name, const BaseFile &file, Standing standing,
                  const Layering &layering = {});
  // A new file without a name (O_TMPFILE), one reference.
  NodeId remember_nameless(const BaseFile &file, Standing standing, const Layering &layering = {});
  // The node's file was copied up, or is merged with another: from now on it is this one.
  void replace_file(NodeId node, const BaseFile &file, const Layering &layering);
  // The node's file is gone for good, and its number may be another file's soon: it stands for no file any more.
  void let_go_of_file(NodeId node);
  // Takes `count` references back. Appends to `gone` every node that ceased to be.
  void forget(NodeId node, uint64_t count, std::vector<NodeId> &gone);

  // The name stands for nothing any more.
  void drop_name(NodeId parent, std::string_view name, std::vector<NodeId> &gone);
  // The first name now stands for nothing, the second for what the first stood for.
  void rename(NodeId parent, std::string_view name, NodeId new_parent, std::string_view new_name,
              Standing standing, std::vector<NodeId> &gone);
  // Each name stands for what the other stood for; `a` and `b` are the standings of the two paths.
  void exchange(NodeId parent_a, std::string_view name_a, Standing a, NodeId parent_b,
                std::string_view name_b, Standing b, std::vector<NodeId> &gone);

  [[nodiscard]] std::optional<NodeView> view(NodeId node) const;
  [[nodiscard]] std::optional<NodeId> find(NodeId parent, std::string_view name) const;
  // The index-th name of a node; none where there are not as many.
  [[nodiscard]] std::optional<NodeName> name(NodeId node, size_t index) const;
  // The path from the root, without a leading slash; none where a name on the way is gone. "" is the root.
  [[nodiscard]] std::optional<std::string> path(NodeId node) const;
  // Nodes of the same base file with another level.
  [[nodiscard]] std::vector<NodeId> siblings(NodeId node) const;

  // Replaces the node's note about what its content was at its last opening; returns the former one
  // (0 at first). 0 where the node is gone.
  uint64_t swap_content_stamp(NodeId node, uint64_t stamp);

  [[nodiscard]] size_t size() const { return live_; }

 private:
  struct Name;
  struct Node;
  static constexpr uint32_t kNone = 0xffffffff;

  Node *get(NodeId node);
  [[nodiscard]] const Node *get(NodeId node) const;
  [[nodiscard]] NodeId id_of(uint32_t slot) const;
  [[nodiscard]] uint32_t device_number(uint64_t dev);
  [[nodiscard]] bool is(const Node &node, const BaseFile &file) const;
  uint32_t make_node(const BaseFile &file, Standing standing, const Layering &layering);
  [[nodiscard]] static bool is_hashed(const Node &node);
  void hash_in(uint32_t slot);
  void hash_out(uint32_t slot);
  [[nodiscard]] uint32_t find_file(const BaseFile &file, table::Level level) const;
  void free_node(uint32_t slot);
  void free_if_unused(uint32_t slot, std::vector<NodeId> &gone);

  [[nodiscard]] Name *find_name(uint32_t parent, std::string_view name) const;
  void add_name(uint32_t parent, std::string_view name, uint32_t node);
  void free_name(Name *name);  // out of the hash table and its parent's count; not off its node's list
  void take_name(Name *name, std::vector<NodeId> &gone);
  void grow_names();
  void grow_files();

  std::vector<Node> nodes_;
  uint32_t free_ = kNone;
  size_t live_ = 0;
  std::vector<uint64_t> devices_;
  std::vector<Name *> name_buckets_;
  size_t name_count_ = 0;
  std::vector<uint32_t> file_buckets_;
  size_t file_count_ = 0;
};

}  // namespace agentfense::view
