// Names: the names in a view's directories, and what changing them and what they stand for does on disk.
//
// Two ways to answer: DirectNames changes the base (write-through); DeltaNames reads the base and an upper layer as
// one and changes the upper layer alone. The operations have decided by the table before they ask.
// Threads: safe.
#pragma once

#include <limits>
#include <memory>
#include <shared_mutex>

#include "mounthelper/delta/names.h"
#include "mounthelper/fuse/files.h"
#include "mounthelper/fuse/low_level.h"
#include "mounthelper/sys/read_directory.h"

namespace agentfense::fuse {

class View;

// A name in a directory, as the policy sees it; the base was not asked.
struct Target {
  view::NodeId parent;
  const char *name;
  view::Standing standing;
  table::StateInfo info;
};

// What stands at a name.
using Seen = delta::Found;

class Names {
 public:
  static constexpr off_t kWhole = std::numeric_limits<off_t>::max();

  virtual ~Names() = default;

  // While it is held, what look() said stays true of this view's own changes: from look() to remember().
  [[nodiscard]] virtual std::shared_lock<std::shared_mutex> steady() = 0;
  [[nodiscard]] virtual sys::Result<Seen> look(view::NodeId parent, const char *name) = 0;
  // Whether a listing changes only when the directory's own time stamp does.
  [[nodiscard]] virtual bool stamp_tells(const view::NodeView &directory) = 0;
  // Entries with the inode numbers that the view shows; 0 where look() alone can tell.
  [[nodiscard]] virtual sys::Status list(view::NodeId directory,
                                         const std::function<bool(std::string_view)> &wanted,
                                         const std::function<void(const sys::RawEntry &)> &each) = 0;

  // make(directory, name) is run with the caller's ids.
  [[nodiscard]] virtual sys::Result<Seen> make(fuse_req_t request, const Target &target,
                                               const delta::Make &make) = 0;
  // The same for a further name of a file that exists: in a delta, where nothing is made that would be the
  // caller's, with the helper's own ids, as the caller may not search the directory of the file's other name.
  [[nodiscard]] virtual sys::Result<Seen> link(fuse_req_t request, const Target &target,
                                               const delta::Make &make) = 0;
  [[nodiscard]] virtual sys::Status remove(fuse_req_t request, const Target &target, bool is_directory) = 0;
  // flags: RENAME_EXCHANGE, or RENAME_NOREPLACE, which has been looked at.
  [[nodiscard]] virtual sys::Status rename(fuse_req_t request, const Target &from, const Target &to,
                                           unsigned flags) = 0;
  // A directory in which a file without a name can be made that may be given one in `parent`.
  [[nodiscard]] virtual sys::Result<FileRef> place_for_nameless(view::NodeId parent) = 0;

  // The mode of a directory changed: what could not be read of its marks may be readable now.
  virtual void look_again(view::NodeId directory) = 0;

  // To be called before any change of the node's content or attributes, with the helper's own ids. keep: so
  // many bytes of its content will be wanted after the change. may(fd): asked, where given, about a copy of the file
  // before it takes the file's place, so that one who is refused has not changed anything by then.
  using May = std::function<sys::Status(int fd)>;
  [[nodiscard]] virtual sys::Status prepare(view::NodeId node, off_t keep, const May &may) = 0;
  [[nodiscard]] sys::Status prepare(view::NodeId node, off_t keep) { return prepare(node, keep, {}); }

 protected:
  // The node that the kernel knows by this name, if any.
  [[nodiscard]] static std::optional<view::NodeId> known(View &view, const Target &target);
  // The name is gone; `held` serves those that have the file open.
  static void removed(View &view, const Target &target, std::optional<view::NodeId> node, FileRef held);
  static void renamed(View &view, const Target &from, const Target &to, bool exchange);
};

[[nodiscard]] std::unique_ptr<Names> direct_names(View &view);
// REQUIRES: view.options.delta.
[[nodiscard]] sys::Result<std::unique_ptr<Names>> delta_names(View &view);

}  // namespace agentfense::fuse
