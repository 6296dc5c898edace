// Base: from a node to the file in the base that it stands for.
//
// A node's path is rebuilt from its names and walked without following a symlink; what stands there
// must be the very file (device, inode, type) that the lookup saw, else ESTALE, on which the kernel
// looks up again. No path from outside and no absolute path is ever opened.
// A delta layer would stand here: the operations ask for handles by node and know no more.
// Threads: safe; `mutex` guards the node table and is never held over a system call.
#pragma once

#include <sys/stat.h>

#include <mutex>
#include <unordered_map>
#include <vector>

#include "mounthelper/fuse/fd_cache.h"
#include "mounthelper/sys/status.h"
#include "mounthelper/view/node_table.h"

namespace agentfense::fuse {

[[nodiscard]] inline view::BaseFile base_file(const struct stat &info) {
  return {info.st_dev, info.st_ino, info.st_mode & S_IFMT};
}

class Base {
 public:
  // live: handles of directories are checked against the base's names again after a second.
  Base(sys::Fd root, view::NodeTable &nodes, std::mutex &mutex, bool live);

  // An O_PATH handle of a directory's node.
  [[nodiscard]] sys::Result<FileRef> directory(view::NodeId node);
  // A handle of any node, good for fstat and for changing attributes; O_PATH, or kept from before.
  [[nodiscard]] sys::Result<FileRef> handle(view::NodeId node);
  [[nodiscard]] sys::Result<struct stat> attributes(view::NodeId node);
  // Opens a regular file anew, with the calling thread's rights. `flags` holds O_ACCMODE bits and
  // what else is wanted, never O_CREAT or O_TRUNC. EACCES for what is no regular file.
  [[nodiscard]] sys::Result<FileRef> open(view::NodeId node, int flags);
  // For operations without a handle: kept open for a while.
  [[nodiscard]] sys::Result<FileRef> file(view::NodeId node, bool writable);

  // The directory entry `name` of `directory`, on its way out: what it stands for stays reachable
  // through the result, to be given to keep() once the name is gone. Null where it cannot be had.
  [[nodiscard]] FileRef hold(view::NodeId node, int directory, const char *name);
  // A deleted file's handle, until its node is gone.
  void keep(view::NodeId node, FileRef file);
  // A handle that a process has open serves attributes when the name is gone from the base.
  void note_handle(view::NodeId node, const FileRef &file);
  void drop_handle(view::NodeId node, const FileRef &file);
  void remember_file(view::NodeId node, FileRef file) { files_.put(node, std::move(file)); }
  // The mode changed under what we have open: see OpenFile::precious.
  void mark_precious(view::NodeId node);
  // Nodes that ceased to be.
  void release(const std::vector<view::NodeId> &gone);
  // True while something may still be idle.
  bool close_idle();

  [[nodiscard]] int root() const { return root_->fd.get(); }
  [[nodiscard]] uint64_t root_device() const { return root_device_; }

 private:
  // Tries each name of the node until one leads to it: attempt(directory, name) -> Status.
  template <class Attempt>
  sys::Status at_some_name(view::NodeId node, const Attempt &attempt);
  [[nodiscard]] FileRef kept(view::NodeId node);
  [[nodiscard]] FileRef noted(view::NodeId node);

  view::NodeTable &nodes_;
  std::mutex &mutex_;
  const bool live_;
  FileRef root_;
  uint64_t root_device_ = 0;
  FdCache directories_;
  FdCache files_;
  std::unordered_map<view::NodeId, FileRef> kept_;                   // under mutex_
  std::unordered_map<view::NodeId, std::weak_ptr<OpenFile>> noted_;  // under mutex_
};

// Takes set-id bits from the base file before its content changes, where OpenFile says so.
void strip_set_id(OpenFile &file);

}  // namespace agentfense::fuse
