#include <linux/fs.h>
#include <stdio.h>
#include <sys/stat.h>

#include "mounthelper/fuse/operations.h"
#include "mounthelper/fuse/reply.h"

namespace agentfense::fuse {
namespace {

// What stands at one end. Fails with any errno but ENOENT, which means: nothing.
sys::Result<view::RenameEnd> look(View &view, const Target &target) {
  view::RenameEnd end;
  end.info = target.info;
  auto seen = view.names->look(target.parent, target.name);
  if (seen.ok()) {
    end.exists = true;
    end.is_directory = S_ISDIR(seen->info.st_mode);
  } else if (seen.error() != ENOENT) {
    return seen.status();
  }
  return end;
}

int decide_ends(View &view, const Target &from, const Target &to, unsigned flags) {
  auto source = look(view, from);
  if (!source.ok()) return source.error();
  auto target = look(view, to);
  if (!target.ok()) return target.error();
  if (!source->exists) return ENOENT;
  if ((flags & RENAME_EXCHANGE) && !target->exists) return ENOENT;
  if ((flags & RENAME_NOREPLACE) && target->exists) return EEXIST;
  auto hidden = view.options.delta != nullptr ? view::Hidden::does_not_count : view::Hidden::makes_full;
  return view::decide_rename(*source, *target, (flags & RENAME_EXCHANGE) != 0, hidden);
}

}  // namespace

void op_rename(fuse_req_t request, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
               const char *new_name, unsigned flags) {
  View &view = view_of(request);
  if (flags & RENAME_WHITEOUT) return reply_error(request, EPERM);  // it would make a device node
  if (flags & ~static_cast<unsigned>(RENAME_NOREPLACE | RENAME_EXCHANGE)) return reply_error(request, EINVAL);

  auto from = view.target(parent, name);
  if (!from.ok()) return reply_status(request, from.status());
  auto to = view.target(new_parent, new_name);
  if (!to.ok()) return reply_status(request, to.status());
  if (int error = refuse_removal(view, *from)) return reply_error(request, error);
  if (int error = refuse(view, view::Op::create, to->info, false)) return reply_error(request, error);

  view.housekeeper->wake();
  if (int error = decide_ends(view, *from, *to, flags)) return reply_error(request, error);
  reply_status(request, view.names->rename(request, *from, *to, flags));
}

}  // namespace agentfense::fuse
