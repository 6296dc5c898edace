#include "mounthelper/view/node_table.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace agentfense::view {

// One (parent, name) -> node. Its bytes follow it in the same allocation: a view of a million files
// has a million of these, and a string apart would double their cost.
struct NodeTable::Name {
  Name *next_in_bucket;
  Name *next_of_node;
  uint32_t parent;
  uint32_t node;
  uint32_t hash;
  uint16_t length;

  [[nodiscard]] std::string_view text() const { return {reinterpret_cast<const char *>(this + 1), length}; }
};

struct NodeTable::Node {
  uint64_t ino = 0;
  uint64_t references = 0;  // the kernel's
  uint64_t content_stamp = 0;
  uint64_t number = 0;
  Name *names = nullptr;
  uint32_t generation = 0;
  uint32_t state = 0;
  uint32_t children = 0;  // names whose parent this is
  uint32_t next = kNone;  // in its bucket of files, or in the list of free slots
  uint32_t device = 0;
  uint32_t type : 16 = 0;
  uint32_t level : 4 = 0;
  uint32_t layers : 4 = 0;
  uint32_t by_name : 1 = 0;
  uint32_t used : 1 = 0;
};

namespace {

constexpr size_t kFirstBuckets = 64;

uint64_t mix(uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccd;
  return x ^ (x >> 33);
}

uint32_t hash_name(uint32_t parent, std::string_view name) {
  return static_cast<uint32_t>(
      mix(std::hash<std::string_view>{}(name) + uint64_t{parent} * 0x9e3779b97f4a7c15));
}

// Levels of one file share a bucket, so that siblings() finds them together.
size_t hash_file(uint64_t ino, uint32_t device) { return mix(ino + (uint64_t{device} << 48)); }

}  // namespace

NodeTable::NodeTable(const BaseFile &root, Standing standing, const Layering &layering)
    : name_buckets_(kFirstBuckets), file_buckets_(kFirstBuckets, kNone) {
  nodes_[make_node(root, standing, layering)].references = 1;  // the mount's own, never forgotten
}

NodeTable::~NodeTable() {
  for (Name *name : name_buckets_) {
    while (name != nullptr) {
      Name *next = name->next_in_bucket;
      std::free(name);
      name = next;
    }
  }
}

// Slot and generation in one number, so that a stale one is recognised. The root's is 1.
NodeId NodeTable::id_of(uint32_t slot) const {
  return (uint64_t{nodes_[slot].generation} << 32) | (uint64_t{slot} + 1);
}

const NodeTable::Node *NodeTable::get(NodeId node) const {
  uint32_t slot = static_cast<uint32_t>(node) - 1;
  if (slot >= nodes_.size()) return nullptr;
  const Node &found = nodes_[slot];
  return found.used && found.generation == node >> 32 ? &found : nullptr;
}

NodeTable::Node *NodeTable::get(NodeId node) {
  return const_cast<Node *>(static_cast<const NodeTable *>(this)->get(node));
}

uint32_t NodeTable::device_number(uint64_t dev) {
  auto found = std::find(devices_.begin(), devices_.end(), dev);
  if (found == devices_.end()) found = devices_.insert(found, dev);
  return static_cast<uint32_t>(found - devices_.begin());
}

bool NodeTable::is(const Node &node, const BaseFile &file) const {
  return node.ino == file.ino && node.type == file.type && devices_[node.device] == file.dev;
}

// Found by its file, and not by its name alone.
bool NodeTable::is_hashed(const Node &node) { return !S_ISDIR(node.type) && !node.by_name; }

void NodeTable::hash_in(uint32_t slot) {
  if (!is_hashed(nodes_[slot])) return;
  if (++file_count_ > file_buckets_.size()) grow_files();
  Node &node = nodes_[slot];
  uint32_t &bucket = file_buckets_[hash_file(node.ino, node.device) & (file_buckets_.size() - 1)];
  node.next = bucket;
  bucket = slot;
}

void NodeTable::hash_out(uint32_t slot) {
  Node &node = nodes_[slot];
  if (!is_hashed(node)) return;
  uint32_t *link = &file_buckets_[hash_file(node.ino, node.device) & (file_buckets_.size() - 1)];
  while (*link != slot) link = &nodes_[*link].next;
  *link = node.next;
  --file_count_;
}

uint32_t NodeTable::make_node(const BaseFile &file, Standing standing, const Layering &layering) {
  uint32_t slot = free_;
  if (slot != kNone) {
    free_ = nodes_[slot].next;
  } else {
    slot = static_cast<uint32_t>(nodes_.size());
    nodes_.emplace_back();
  }
  Node &node = nodes_[slot];
  uint32_t generation = node.generation;
  node = Node{};
  node.generation = generation;
  node.used = 1;
  node.ino = file.ino;
  node.device = device_number(file.dev);
  node.type = file.type;
  node.state = standing.state;
  node.level = static_cast<uint8_t>(standing.level);
  node.layers = layering.layers;
  node.by_name = layering.by_name;
  node.number = layering.number;
  ++live_;
  hash_in(slot);
  return slot;
}

uint32_t NodeTable::find_file(const BaseFile &file, table::Level level) const {
  auto device = std::find(devices_.begin(), devices_.end(), file.dev);
  if (device == devices_.end()) return kNone;
  size_t hash = hash_file(file.ino, static_cast<uint32_t>(device - devices_.begin()));
  uint32_t slot = file_buckets_[hash & (file_buckets_.size() - 1)];
  while (slot != kNone) {
    const Node &node = nodes_[slot];
    if (is(node, file) && node.level == static_cast<uint8_t>(level)) return slot;
    slot = node.next;
  }
  return kNone;
}

// A node and the directories above it that only it kept alive. A directory has one name at most, so there
// is one way up, but for hard links, which may leave several directories without use.
void NodeTable::free_if_unused(uint32_t slot, std::vector<NodeId> &gone) {
  std::vector<uint32_t> more;
  for (;;) {
    Node &node = nodes_[slot];
    if (node.used && node.references == 0 && node.children == 0) {
      gone.push_back(id_of(slot));
      for (Name *name = std::exchange(node.names, nullptr); name != nullptr;) {
        more.push_back(name->parent);
        Name *next = name->next_of_node;
        free_name(name);
        name = next;
      }
      free_node(slot);
    }
    if (more.empty()) return;
    slot = more.back();
    more.pop_back();
  }
}

void NodeTable::free_node(uint32_t slot) {
  hash_out(slot);
  Node &node = nodes_[slot];
  node.used = 0;
  ++node.generation;
  node.next = free_;
  free_ = slot;
  --live_;
}

NodeTable::Name *NodeTable::find_name(uint32_t parent, std::string_view name) const {
  uint32_t hash = hash_name(parent, name);
  Name *at = name_buckets_[hash & (name_buckets_.size() - 1)];
  while (at != nullptr && (at->hash != hash || at->parent != parent || at->text() != name)) {
    at = at->next_in_bucket;
  }
  return at;
}

void NodeTable::add_name(uint32_t parent, std::string_view name, uint32_t node) {
  if (++name_count_ > name_buckets_.size()) grow_names();
  void *memory = std::malloc(sizeof(Name) + name.size());
  if (memory == nullptr) throw std::bad_alloc();
  uint32_t hash = hash_name(parent, name);
  Name *&bucket = name_buckets_[hash & (name_buckets_.size() - 1)];
  auto *made =
      new (memory) Name{bucket, nodes_[node].names, parent, node, hash, static_cast<uint16_t>(name.size())};
  std::memcpy(made + 1, name.data(), name.size());
  bucket = made;
  nodes_[node].names = made;
  ++nodes_[parent].children;
}

void NodeTable::free_name(Name *name) {
  Name **link = &name_buckets_[name->hash & (name_buckets_.size() - 1)];
  while (*link != name) link = &(*link)->next_in_bucket;
  *link = name->next_in_bucket;
  --nodes_[name->parent].children;
  --name_count_;
  std::free(name);
}

// Off its node; what is left without use by it goes too.
void NodeTable::take_name(Name *name, std::vector<NodeId> &gone) {
  uint32_t node = name->node;
  uint32_t parent = name->parent;
  Name **link = &nodes_[node].names;
  while (*link != name) link = &(*link)->next_of_node;
  *link = name->next_of_node;
  free_name(name);
  free_if_unused(node, gone);
  free_if_unused(parent, gone);
}

void NodeTable::grow_names() {
  std::vector<Name *> buckets(name_buckets_.size() * 2);
  for (Name *name : name_buckets_) {
    while (name != nullptr) {
      Name *next = name->next_in_bucket;
      Name *&bucket = buckets[name->hash & (buckets.size() - 1)];
      name->next_in_bucket = bucket;
      bucket = name;
      name = next;
    }
  }
  name_buckets_.swap(buckets);
}

void NodeTable::grow_files() {
  std::vector<uint32_t> buckets(file_buckets_.size() * 2, kNone);
  for (uint32_t slot : file_buckets_) {
    while (slot != kNone) {
      uint32_t next = nodes_[slot].next;
      uint32_t &bucket = buckets[hash_file(nodes_[slot].ino, nodes_[slot].device) & (buckets.size() - 1)];
      nodes_[slot].next = bucket;
      bucket = slot;
      slot = next;
    }
  }
  file_buckets_.swap(buckets);
}

NodeId NodeTable::remember(NodeId parent, std::string_view name, const BaseFile &file, Standing standing,
                           const Layering &layering) {
  uint32_t above = static_cast<uint32_t>(parent) - 1;
  bool is_directory = S_ISDIR(file.type);
  bool by_name = is_directory || layering.by_name;
  Name *known = find_name(above, name);
  if (known != nullptr) {
    Node &node = nodes_[known->node];
    bool same = is(node, file) && node.by_name == layering.by_name;
    if (same && (is_directory || node.level == static_cast<uint8_t>(standing.level))) {
      node.state = standing.state;
      node.level = static_cast<uint8_t>(standing.level);
      if (is_directory) node.layers = layering.layers;
      ++node.references;
      return id_of(known->node);
    }
  }
  uint32_t slot = by_name ? kNone : find_file(file, standing.level);
  if (slot == kNone) slot = make_node(file, standing, layering);
  ++nodes_[slot].references;
  add_name(above, name, slot);
  // The former name goes last: the parent is in use by the new one by now.
  if (known != nullptr) {
    std::vector<NodeId> gone;
    take_name(known, gone);
  }
  return id_of(slot);
}

NodeId NodeTable::remember_nameless(const BaseFile &file, Standing standing, const Layering &layering) {
  uint32_t slot = make_node(file, standing, layering);
  ++nodes_[slot].references;
  return id_of(slot);
}

void NodeTable::replace_file(NodeId id, const BaseFile &file, const Layering &layering) {
  if (get(id) == nullptr) return;
  uint32_t slot = static_cast<uint32_t>(id) - 1;
  hash_out(slot);
  Node &node = nodes_[slot];
  node.ino = file.ino;
  node.device = device_number(file.dev);
  node.layers = layering.layers;
  node.by_name = layering.by_name;
  node.number = layering.number;
  hash_in(slot);
}

void NodeTable::let_go_of_file(NodeId id) {
  Node *node = get(id);
  if (node == nullptr) return;
  hash_out(static_cast<uint32_t>(id) - 1);
  node->by_name = 1;  // no longer found by its file
}

void NodeTable::forget(NodeId id, uint64_t count, std::vector<NodeId> &gone) {
  Node *node = get(id);
  if (node == nullptr || id == kRootNode) return;
  node->references -= std::min(node->references, count);
  free_if_unused(static_cast<uint32_t>(id) - 1, gone);
}

void NodeTable::drop_name(NodeId parent, std::string_view name, std::vector<NodeId> &gone) {
  if (Name *known = find_name(static_cast<uint32_t>(parent) - 1, name)) take_name(known, gone);
}

void NodeTable::rename(NodeId parent, std::string_view name, NodeId new_parent, std::string_view new_name,
                       Standing standing, std::vector<NodeId> &gone) {
  uint32_t to = static_cast<uint32_t>(new_parent) - 1;
  Name *source = find_name(static_cast<uint32_t>(parent) - 1, name);
  Name *target = find_name(to, new_name);
  if (source == target) return;
  if (source != nullptr) {
    uint32_t moved = source->node;
    nodes_[moved].state = standing.state;
    nodes_[moved].level = static_cast<uint8_t>(standing.level);
    add_name(to, new_name, moved);
    take_name(source, gone);
  }
  if (target != nullptr) take_name(target, gone);
}

void NodeTable::exchange(NodeId parent_a, std::string_view name_a, Standing a, NodeId parent_b,
                         std::string_view name_b, Standing b, std::vector<NodeId> &gone) {
  uint32_t above_a = static_cast<uint32_t>(parent_a) - 1;
  uint32_t above_b = static_cast<uint32_t>(parent_b) - 1;
  Name *at_a = find_name(above_a, name_a);
  Name *at_b = find_name(above_b, name_b);
  if (at_a == at_b) return;
  // An end that the kernel never looked up is simply not known afterwards either.
  if (at_a != nullptr) {
    nodes_[at_a->node].state = b.state;
    nodes_[at_a->node].level = static_cast<uint8_t>(b.level);
    add_name(above_b, name_b, at_a->node);
  }
  if (at_b != nullptr) {
    nodes_[at_b->node].state = a.state;
    nodes_[at_b->node].level = static_cast<uint8_t>(a.level);
    add_name(above_a, name_a, at_b->node);
  }
  if (at_a != nullptr) take_name(at_a, gone);
  if (at_b != nullptr) take_name(at_b, gone);
}

std::optional<NodeView> NodeTable::view(NodeId id) const {
  const Node *node = get(id);
  if (node == nullptr) return std::nullopt;
  NodeView view;
  view.file = {devices_[node->device], node->ino, node->type};
  view.standing = {node->state, static_cast<table::Level>(node->level)};
  view.layering = {static_cast<uint8_t>(node->layers), node->by_name != 0, node->number};
  for (const Name *at = node->names; at != nullptr; at = at->next_of_node) ++view.names;
  return view;
}

std::optional<NodeId> NodeTable::find(NodeId parent, std::string_view name) const {
  const Name *known = find_name(static_cast<uint32_t>(parent) - 1, name);
  if (known == nullptr) return std::nullopt;
  return id_of(known->node);
}

std::optional<NodeName> NodeTable::name(NodeId id, size_t index) const {
  const Node *node = get(id);
  if (node == nullptr) return std::nullopt;
  const Name *at = node->names;
  while (at != nullptr && index-- > 0) at = at->next_of_node;
  if (at == nullptr) return std::nullopt;
  return NodeName{id_of(at->parent), std::string(at->text())};
}

std::optional<std::string> NodeTable::path(NodeId id) const {
  std::string path;
  for (const Node *node = get(id); node != nullptr; node = &nodes_[node->names->parent]) {
    if (node == nodes_.data()) return path;
    if (node->names == nullptr) return std::nullopt;
    if (!path.empty()) path.insert(0, 1, '/');
    path.insert(0, node->names->text());
  }
  return std::nullopt;
}

std::vector<NodeId> NodeTable::siblings(NodeId id) const {
  std::vector<NodeId> found;
  const Node *node = get(id);
  if (node == nullptr || !is_hashed(*node)) return found;
  uint32_t slot = file_buckets_[hash_file(node->ino, node->device) & (file_buckets_.size() - 1)];
  for (; slot != kNone; slot = nodes_[slot].next) {
    const Node &other = nodes_[slot];
    bool same = &other != node && other.ino == node->ino && other.device == node->device;
    if (same && other.type == node->type) found.push_back(id_of(slot));
  }
  return found;
}

uint64_t NodeTable::swap_content_stamp(NodeId id, uint64_t stamp) {
  Node *node = get(id);
  if (node == nullptr) return 0;
  uint64_t former = node->content_stamp;
  node->content_stamp = stamp;
  return former;
}

}  // namespace agentfense::view
