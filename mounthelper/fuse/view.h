// View: one served connection: its options, its table, what the kernel knows, and the way to the base.
//
// Made by serve(); every operation gets it from its request. Threads: safe, except as stated.
#pragma once

#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "mounthelper/delta/usage.h"
#include "mounthelper/fuse/files.h"
#include "mounthelper/fuse/housekeeper.h"
#include "mounthelper/fuse/listings.h"
#include "mounthelper/fuse/names.h"
#include "mounthelper/fuse/passthrough.h"
#include "mounthelper/fuse/serve.h"
#include "mounthelper/view/node_table.h"

namespace agentfense::fuse {

class View {
 public:
  // REQUIRES: root is the status of base. The caller sets `names` next.
  View(sys::Fd base, const struct stat &root, table::Table table, const ViewOptions &options);

  [[nodiscard]] std::optional<view::NodeView> node(view::NodeId id);
  // The policy's word on a node. A file keeps the level that it was looked up with.
  [[nodiscard]] table::StateInfo info(const view::NodeView &node) const;
  // ESTALE where parent is no directory that the kernel may still name.
  [[nodiscard]] sys::Result<Target> target(view::NodeId parent, const char *name);

  // A file that a lookup or a creation saw: the kernel gets a reference to its node. A node that has shown a number
  // goes on with it: symlinks and FIFOs that are copied up have no place to keep it on disk.
  [[nodiscard]] view::NodeId remember(const Target &target, Seen &seen);
  void forget(view::NodeId node, uint64_t count);
  void drop_name(view::NodeId parent, const char *name);
  void release(const std::vector<view::NodeId> &gone);
  // Content or attributes of the file changed through this node: other levels' nodes are told.
  void changed(view::NodeId node);

  // The attributes to show of a file whose path has `info`.
  [[nodiscard]] struct stat shown(const Seen &file, const table::StateInfo &info) const;

  [[nodiscard]] bool snapshot() const { return options.coherence == ViewOptions::Coherence::snapshot; }
  // Seconds for which the kernel may keep what the base says, and what the table alone says.
  [[nodiscard]] double base_timeout() const { return snapshot() ? kForever : 1.0; }
  [[nodiscard]] double table_timeout() const { return kForever; }

  const ViewOptions options;
  const table::Table table;
  std::mutex mutex;  // guards nodes; never held over a system call
  view::NodeTable nodes;
  const uint64_t root_device;  // the base's
  Files files;
  delta::Usage usage;            // of the delta
  std::unique_ptr<Names> names;  // set once, before the first request
  Listings listings;
  Passthrough passthrough;
  Housekeeper *housekeeper = nullptr;  // set once, before the first request
  int connection = -1;                 // /dev/fuse, the session's; likewise
  const uid_t own_user;
  const gid_t own_group;
  const std::vector<gid_t> own_groups;
  const bool one_group;  // in a user namespace that knows no group but own_group

 private:
  static constexpr double kForever = 86400;
};

}  // namespace agentfense::fuse
