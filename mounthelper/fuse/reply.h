// What operations share: their view, their refusals, their answers about entries.
#pragma once

#include "mounthelper/fuse/low_level.h"
#include "mounthelper/fuse/view.h"
#include "mounthelper/view/attributes.h"
#include "mounthelper/view/decide.h"

namespace agentfense::fuse {

[[nodiscard]] inline View &view_of(fuse_req_t request) {
  return *static_cast<View *>(fuse_req_userdata(request));
}

inline void reply_error(fuse_req_t request, int error) { (void)fuse_reply_err(request, error); }

inline void reply_status(fuse_req_t request, const sys::Status &status) {
  reply_error(request, status.error());
}

// 0 or the errno of a change at a node or a name, by the options and the table alone.
[[nodiscard]] inline int refuse(const View &view, view::Op op, const table::StateInfo &info,
                                bool is_directory) {
  bool changes = op == view::Op::change || op == view::Op::create || op == view::Op::remove;
  if (changes && view.options.read_only) return EROFS;
  return view::decide(op, info, is_directory);
}

// The same for taking a name away, before it is known what stands there: a name that the policy
// shows to nobody but directories is hidden unless the kernel holds a directory of that name.
[[nodiscard]] inline int refuse_removal(View &view, const Target &target) {
  bool is_directory = false;
  if (target.info.level == table::Level::none && target.info.visible_below) {
    std::lock_guard lock(view.mutex);
    is_directory = view.nodes.find(target.parent, target.name).has_value();
  }
  return refuse(view, view::Op::remove, target.info, is_directory);
}

// An entry for the kernel; it holds one more reference to entry.ino from now on.
[[nodiscard]] inline fuse_entry_param make_entry(View &view, const Target &target, Seen seen) {
  fuse_entry_param entry{};
  entry.ino = view.remember(target, seen);
  entry.attr = view.shown(seen, target.info);
  entry.attr_timeout = view.base_timeout();
  entry.entry_timeout = view.base_timeout();
  return entry;
}

inline void reply_entry(fuse_req_t request, View &view, const Target &target, const Seen &seen) {
  fuse_entry_param entry = make_entry(view, target, seen);
  if (fuse_reply_entry(request, &entry) != 0) view.forget(entry.ino, 1);  // nobody waits for it any more
}

// What open and create give out; the kernel gives it back with each operation and at release.
struct Handle {
  FileRef file;
  bool passing = false;  // reads and writes go past us
};

// Null where there is none.
[[nodiscard]] inline const Handle *handle_of(const fuse_file_info *info) {
  return info != nullptr ? reinterpret_cast<const Handle *>(info->fh) : nullptr;
}

// The same, but null where the file has been copied up since the handle was given out: the node's own file counts.
[[nodiscard]] inline const Handle *current_handle(const view::NodeView &node, const fuse_file_info *info) {
  const Handle *handle = handle_of(info);
  return handle != nullptr && handle->file->in_base && node.layering.in_upper() ? nullptr : handle;
}

}  // namespace agentfense::fuse
