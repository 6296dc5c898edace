// DeltaNames: the base and a delta's upper layer as one tree; changes go to the upper layer.
//
// Two locks. `tree_`: shared from a look to the node's being remembered, exclusive while names change or a copy
// takes its place; copying content is done outside. `turns_`: one copy-up of a node at a time.
#pragma once

#include <condition_variable>
#include <mutex>
#include <unordered_set>

#include "mounthelper/delta/copy_up.h"
#include "mounthelper/delta/merged.h"
#include "mounthelper/delta/origins.h"
#include "mounthelper/delta/work.h"
#include "mounthelper/fuse/names.h"
#include "mounthelper/fuse/view.h"

namespace agentfense::fuse {

class DeltaNames : public Names {
 public:
  DeltaNames(View &view, const delta::Store &store, delta::OriginLog origins)
      : view_(view), work_(store.work.get()), origins_(std::move(origins)) {}

  std::shared_lock<std::shared_mutex> steady() override { return std::shared_lock(tree_); }
  sys::Result<Seen> look(view::NodeId parent, const char *name) override;
  bool stamp_tells(const view::NodeView &directory) override;
  sys::Status list(view::NodeId directory, const std::function<bool(std::string_view)> &wanted,
                   const std::function<void(const sys::RawEntry &)> &each) override;
  sys::Result<Seen> make(fuse_req_t request, const Target &target, const delta::Make &make) override;
  sys::Result<Seen> link(fuse_req_t request, const Target &target, const delta::Make &make) override;
  sys::Status remove(fuse_req_t request, const Target &target, bool is_directory) override;
  sys::Status rename(fuse_req_t request, const Target &from, const Target &to, unsigned flags) override;
  void look_again(view::NodeId directory) override;
  sys::Result<FileRef> place_for_nameless(view::NodeId parent) override;
  using Names::prepare;
  sys::Status prepare(view::NodeId node, off_t keep, const May &may) override;

 private:
  // Handles of one directory, and the two of them as delta/ takes them.
  struct Directory {
    DirectoryRefs refs;
    [[nodiscard]] delta::MergedDir merged() const {
      return {refs.upper ? refs.upper->fd.get() : -1, refs.base ? refs.base->fd.get() : -1};
    }
  };
  // ENOENT for one that was removed.
  sys::Result<Directory> open(view::NodeId directory);
  sys::Result<Seen> make_here(const Target &target, const delta::Make &make, delta::Made what);
  [[nodiscard]] std::string path_of(view::NodeId parent, const char *name);
  sys::Status record(view::NodeId parent, const char *name, const struct stat &base_file);
  // With tree_ held:
  sys::Result<Seen> look_in(const Directory &directory, const char *name) const;
  [[nodiscard]] FileRef hold(const Target &target, const Directory &directory, const Seen &seen);
  sys::Status check_empty(const Directory &parent, const Target &target, const Seen &seen);

  // copy-up: delta_copy_up.cc
  class Turn;
  sys::Status copy_up(view::NodeId node, const view::NodeView &known, off_t keep, const May &may);
  sys::Status copy_up_nameless(view::NodeId node, const view::NodeView &known, off_t keep, const May &may);
  sys::Status place(view::NodeId node, const view::NodeName &name, const struct stat &base_file,
                    delta::Copy copy);
  [[nodiscard]] delta::CopyRequest request_for(const struct stat &base_file) const;

  // rename: delta_rename.cc
  class BringUp;
  sys::Status prepare_to_move(const Target &target, const Seen &seen);
  sys::Status check_replaced(const Directory &directory, const Target &to, const Seen &source,
                             const Seen &target);

  View &view_;
  delta::Work work_;
  delta::OriginLog origins_;
  std::shared_mutex tree_;
  std::mutex turns_;
  std::condition_variable turn_ended_;
  std::unordered_set<view::NodeId> copying_;  // under turns_
};

[[nodiscard]] sys::Result<FileRef> open_child_directory(int parent, const char *name);

}  // namespace agentfense::fuse
