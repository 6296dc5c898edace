// Write-through: the base's own names, changed by the base's own system calls.
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <unistd.h>

#include "mounthelper/fuse/caller.h"
#include "mounthelper/fuse/names.h"
#include "mounthelper/fuse/view.h"
#include "mounthelper/view/attributes.h"

namespace agentfense::fuse {
namespace {

using sys::Result;
using sys::Status;

class DirectNames : public Names {
 public:
  explicit DirectNames(View &view) : view_(view) {}

  std::shared_lock<std::shared_mutex> steady() override { return {}; }
  bool stamp_tells(const view::NodeView &) override { return true; }
  void look_again(view::NodeId) override {}
  Status prepare(view::NodeId, off_t, const May &) override { return {}; }
  Result<FileRef> place_for_nameless(view::NodeId parent) override { return view_.files.directory(parent); }

  Result<Seen> look(view::NodeId parent, const char *name) override {
    Result<FileRef> directory = view_.files.directory(parent);
    if (!directory.ok()) return directory.status();
    return look_at((*directory)->fd.get(), name);
  }

  Status list(view::NodeId id, const std::function<bool(std::string_view)> &wanted,
              const std::function<void(const sys::RawEntry &)> &each) override {
    Result<FileRef> handle = view_.files.directory(id);
    if (!handle.ok()) return handle.status();
    sys::Fd directory(openat((*handle)->fd.get(), ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat info {};
    if (!directory || fstat(directory.get(), &info) != 0) return sys::errno_status();
    uint64_t device = info.st_dev;
    return sys::read_directory(directory.get(), [&](const sys::RawEntry &entry) {
      if (!wanted(entry.name)) return;
      sys::RawEntry shown = entry;
      shown.ino = view::inode_in_view(device, entry.ino, view_.root_device);
      each(shown);
    });
  }

  Result<Seen> make(fuse_req_t request, const Target &target, const delta::Make &make) override {
    Result<FileRef> directory = view_.files.directory(target.parent);
    if (!directory.ok()) return directory.status();
    int handle = (*directory)->fd.get();
    {
      ActAsCaller caller(request, view_);
      if (caller.error() != 0) return Status::failure(caller.error());
      if (make(handle, target.name) != 0) return sys::errno_status();
    }
    return look_at(handle, target.name);
  }

  Result<Seen> link(fuse_req_t request, const Target &target, const delta::Make &make_link) override {
    return make(request, target, make_link);
  }

  Status remove(fuse_req_t request, const Target &target, bool is_directory) override {
    Result<FileRef> directory = view_.files.directory(target.parent);
    if (!directory.ok()) return directory.status();
    int handle = (*directory)->fd.get();
    std::optional<view::NodeId> node = known(view_, target);
    // The kernel may have it open still, and asks by node.
    FileRef held = node ? view_.files.hold(*node, handle, target.name) : nullptr;
    {
      ActAsCaller caller(request, view_);
      if (caller.error() != 0) return Status::failure(caller.error());
      if (unlinkat(handle, target.name, is_directory ? AT_REMOVEDIR : 0) != 0) return sys::errno_status();
    }
    removed(view_, target, node, std::move(held));
    return {};
  }

  // A directory that moves keeps its node, and so do all below it: their states stay true because only
  // subtrees that the table treats alike change places. Handles on them stay good too: they follow the
  // directory, not its path.
  Status rename(fuse_req_t request, const Target &from, const Target &to, unsigned flags) override {
    Result<FileRef> from_directory = view_.files.directory(from.parent);
    if (!from_directory.ok()) return from_directory.status();
    Result<FileRef> to_directory = view_.files.directory(to.parent);
    if (!to_directory.ok()) return to_directory.status();
    int from_fd = (*from_directory)->fd.get();
    int to_fd = (*to_directory)->fd.get();
    bool exchange = (flags & RENAME_EXCHANGE) != 0;
    std::optional<view::NodeId> replaced = exchange ? std::nullopt : known(view_, to);
    FileRef held = replaced ? view_.files.hold(*replaced, to_fd, to.name) : nullptr;
    {
      ActAsCaller caller(request, view_);
      if (caller.error() != 0) return Status::failure(caller.error());
      int result = flags == 0 ? renameat(from_fd, from.name, to_fd, to.name)
                              : renameat2(from_fd, from.name, to_fd, to.name, flags);
      if (result != 0) return sys::errno_status();
    }
    if (replaced) view_.files.keep(*replaced, std::move(held));
    renamed(view_, from, to, exchange);
    return {};
  }

 private:
  static Result<Seen> look_at(int directory, const char *name) {
    Seen seen;
    if (fstatat(directory, name, &seen.info, AT_SYMLINK_NOFOLLOW) != 0) return sys::errno_status();
    return seen;
  }

  View &view_;
};

}  // namespace

std::unique_ptr<Names> direct_names(View &view) { return std::make_unique<DirectNames>(view); }

}  // namespace agentfense::fuse
