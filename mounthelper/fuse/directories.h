// Directories: handles of a view's directories in one layer, the base or the upper one.
//
// A node's path is rebuilt from its names and walked without following a symlink; what stands there
// must be the very directory that the lookup saw, else ESTALE, on which the kernel looks up again.
// Threads: safe; `mutex` guards the node table and is never held over a system call.
#pragma once

#include <sys/stat.h>

#include <mutex>

#include "mounthelper/fuse/fd_cache.h"
#include "mounthelper/sys/status.h"
#include "mounthelper/view/node_table.h"

namespace agentfense::fuse {

enum class Layer : unsigned char { base, upper };

class Directories {
 public:
  // checked: handles are held against the names again after a second, as others may change this layer.
  Directories(sys::Fd root, Layer layer, uint64_t root_device, view::NodeTable &nodes, std::mutex &mutex,
              bool checked);

  // An O_PATH handle. REQUIRES: the node has a part in this layer.
  [[nodiscard]] sys::Result<FileRef> find(view::NodeId node);
  void drop(view::NodeId node) { cache_.drop(node); }
  bool close_idle();
  [[nodiscard]] int root() const { return root_->fd.get(); }

 private:
  [[nodiscard]] bool is_fresh(const FileRef &file) const;
  [[nodiscard]] bool is_it(const struct stat &info, const view::NodeView &node) const;
  // The handle to walk from, and the path below it. Null where a name on the way is gone.
  FileRef nearest(view::NodeId node, view::NodeView &wanted, std::string &path);

  view::NodeTable &nodes_;
  std::mutex &mutex_;
  const Layer layer_;
  const uint64_t root_device_;
  const bool checked_;
  FileRef root_;
  FdCache cache_;
};

}  // namespace agentfense::fuse
