#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/stat.h>

#include "mounthelper/fuse/caller.h"
#include "mounthelper/fuse/operations.h"
#include "mounthelper/fuse/reply.h"

namespace agentfense::fuse {
namespace {

// What stands at one end. Fails with any errno but ENOENT, which means: nothing.
sys::Result<view::RenameEnd> look(int directory, const Target &target) {
  view::RenameEnd end;
  end.info = target.info;
  struct stat info {};
  if (fstatat(directory, target.name, &info, AT_SYMLINK_NOFOLLOW) == 0) {
    end.exists = true;
    end.is_directory = S_ISDIR(info.st_mode);
  } else if (errno != ENOENT) {
    return sys::errno_status();
  }
  return end;
}

int decide_ends(int from_directory, const Target &from, int to_directory, const Target &to, unsigned flags) {
  auto source = look(from_directory, from);
  if (!source.ok()) return source.error();
  auto target = look(to_directory, to);
  if (!target.ok()) return target.error();
  if (!source->exists) return ENOENT;
  if ((flags & RENAME_EXCHANGE) && !target->exists) return ENOENT;
  if ((flags & RENAME_NOREPLACE) && target->exists) return EEXIST;
  return view::decide_rename(*source, *target, (flags & RENAME_EXCHANGE) != 0);
}

void note_rename(View &view, const Target &from, const Target &to, bool exchange) {
  std::vector<view::NodeId> gone;
  {
    std::lock_guard lock(view.mutex);
    if (exchange) {
      view.nodes.exchange(from.parent, from.name, from.standing, to.parent, to.name, to.standing, gone);
    } else {
      view.nodes.rename(from.parent, from.name, to.parent, to.name, to.standing, gone);
    }
  }
  if (!gone.empty()) view.base.release(gone);
}

}  // namespace

// A directory that moves keeps its node, and so do all below it: their states stay true because only
// subtrees that the table treats alike change places. Handles on them stay good too: they follow the
// directory, not its path.
void op_rename(fuse_req_t request, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
               const char *new_name, unsigned flags) {
  View &view = view_of(request);
  if (flags & RENAME_WHITEOUT) return reply_error(request, EPERM);  // it would make a device node
  if (flags & ~static_cast<unsigned>(RENAME_NOREPLACE | RENAME_EXCHANGE)) return reply_error(request, EINVAL);
  bool exchange = (flags & RENAME_EXCHANGE) != 0;

  auto from = view.target(parent, name);
  if (!from.ok()) return reply_status(request, from.status());
  auto to = view.target(new_parent, new_name);
  if (!to.ok()) return reply_status(request, to.status());
  if (int error = refuse_removal(view, *from)) return reply_error(request, error);
  if (int error = refuse(view, view::Op::create, to->info, false)) return reply_error(request, error);

  auto from_directory = view.base.directory(parent);
  if (!from_directory.ok()) return reply_status(request, from_directory.status());
  auto to_directory = view.base.directory(new_parent);
  if (!to_directory.ok()) return reply_status(request, to_directory.status());
  view.housekeeper->wake();
  int from_fd = (*from_directory)->fd.get();
  int to_fd = (*to_directory)->fd.get();
  if (int error = decide_ends(from_fd, *from, to_fd, *to, flags)) return reply_error(request, error);

  std::optional<view::NodeId> replaced;
  if (!exchange) {
    std::lock_guard lock(view.mutex);
    replaced = view.nodes.find(new_parent, new_name);
  }
  FileRef held = replaced ? view.base.hold(*replaced, to_fd, new_name) : nullptr;
  {
    ActAsCaller caller(request, view);
    if (caller.error() != 0) return reply_error(request, caller.error());
    int result = flags == 0 ? renameat(from_fd, name, to_fd, new_name)
                            : renameat2(from_fd, name, to_fd, new_name, flags);
    if (result != 0) return reply_error(request, errno);
  }
  if (replaced) view.base.keep(*replaced, std::move(held));
  note_rename(view, *from, *to, exchange);
  reply_error(request, 0);
}

}  // namespace agentfense::fuse
