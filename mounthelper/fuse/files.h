// Files: from a node to the file that it stands for, in the base or in a delta's upper layer.
//
// A node is reached by its names, through Directories; what stands there must be the very file (device,
// inode, type) that the lookup saw, else ESTALE, on which the kernel looks up again. No path from
// outside and no absolute path is ever opened. What is to be changed has been copied up before (names.h).
// Threads: safe; `mutex` guards the node table and is never held over a system call.
#pragma once

#include <sys/stat.h>

#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "mounthelper/fuse/directories.h"
#include "mounthelper/sys/status.h"
#include "mounthelper/view/node_table.h"

namespace agentfense::fuse {

[[nodiscard]] inline view::BaseFile base_file(const struct stat &info) {
  return {info.st_dev, info.st_ino, info.st_mode & S_IFMT};
}

// A directory in each layer that has a part in it; null elsewhere.
struct DirectoryRefs {
  FileRef upper;
  FileRef base;
};

class Files {
 public:
  // upper: of a delta, or none. live: the base may change beside the view. opens_known: a file that somebody has
  // open has been told of by note_handle().
  Files(sys::Fd base, sys::Fd upper, view::NodeTable &nodes, std::mutex &mutex, bool live, bool opens_known);

  // An O_PATH handle of a directory's node: the upper one where there are two.
  [[nodiscard]] sys::Result<FileRef> directory(view::NodeId node);
  [[nodiscard]] sys::Result<DirectoryRefs> directories(view::NodeId node);
  // A handle of any node, good for fstat and for changing attributes; O_PATH, or kept from before.
  [[nodiscard]] sys::Result<FileRef> handle(view::NodeId node);
  [[nodiscard]] sys::Result<struct stat> attributes(view::NodeId node);
  // Opens a regular file anew, with the calling thread's rights. EROFS for writing what a delta has not copied up. `flags` holds O_ACCMODE bits and
  // what else is wanted, never O_CREAT or O_TRUNC. EACCES for what is no regular file.
  [[nodiscard]] sys::Result<FileRef> open(view::NodeId node, int flags);
  // For operations without a handle, and where a handle's file has been copied up since: kept open for a while.
  [[nodiscard]] sys::Result<FileRef> file(view::NodeId node, bool writable);

  // The directory entry `name` of `directory`, on its way out: what it stands for stays reachable
  // through the result, to be given to keep() once the name is gone. Null where it cannot be had, or is of no use.
  [[nodiscard]] FileRef hold(view::NodeId node, int directory, const char *name);
  // A deleted file's handle, until its node is gone.
  void keep(view::NodeId node, FileRef file);
  // The same for a file that nobody has open, whose last name is about to go: what it was is all that can be asked.
  void keep_attributes(view::NodeId node, const struct stat &info);
  // A handle that a process has open serves attributes when the name is gone from the base.
  void note_handle(view::NodeId node, const FileRef &file);
  void drop_handle(view::NodeId node, const FileRef &file);
  void remember_file(view::NodeId node, FileRef file) { files_.put(node, std::move(file)); }
  // The mode changed under what we have open: see OpenFile::precious.
  void mark_precious(view::NodeId node);
  // The node's file is another from now on; `now`, where given, serves those that had the former one open.
  void replace(view::NodeId node, const view::BaseFile &file, const view::Layering &layering, FileRef now);
  // What the files hold that have lost their names and are open still.
  [[nodiscard]] int64_t unnamed_bytes();
  // Whether anybody may still come with a handle of the node.
  [[nodiscard]] bool is_held(view::NodeId node);
  // Nodes that ceased to be. The result is the bytes that go with them, of deleted files of a delta.
  [[nodiscard]] int64_t release(const std::vector<view::NodeId> &gone);
  // True while something may still be idle.
  bool close_idle();

  // Where new files go: the upper layer's root, or the base's.
  [[nodiscard]] int root() const { return upper_ ? upper_->root() : base_.root(); }
  [[nodiscard]] uint64_t root_device() const { return root_device_; }

 private:
  // Tries each name of the node until one leads to it: attempt(directory, name) -> Status.
  template <class Attempt>
  sys::Status at_some_name(view::NodeId node, const view::NodeView &known, const Attempt &attempt);
  [[nodiscard]] FileRef kept(view::NodeId node);
  struct Noted {
    FileRef file;
    bool is_open = false;
  };
  [[nodiscard]] Noted noted(view::NodeId node);

  [[nodiscard]] Directories &layer_of(const view::NodeView &node) {
    return node.layering.in_upper() ? *upper_ : base_;
  }

  view::NodeTable &nodes_;
  std::mutex &mutex_;
  const bool opens_known_;
  const uint64_t root_device_;
  Directories base_;
  std::unique_ptr<Directories> upper_;  // null without a delta
  FdCache files_;
  std::unordered_map<view::NodeId, FileRef> kept_;                                // under mutex_
  std::unordered_map<view::NodeId, struct stat> last_;                            // under mutex_
  std::unordered_map<view::NodeId, std::vector<std::weak_ptr<OpenFile>>> noted_;  // under mutex_
};

// Takes set-id bits from the base file before its content changes, where OpenFile says so.
void strip_set_id(OpenFile &file);

}  // namespace agentfense::fuse
