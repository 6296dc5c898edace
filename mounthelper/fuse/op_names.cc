#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "mounthelper/fuse/caller.h"
#include "mounthelper/fuse/operations.h"
#include "mounthelper/fuse/reply.h"

namespace agentfense::fuse {
namespace {

constexpr mode_t kSettable = 01777;

// Decides, then makes something of a new name by make(directory) -> 0 or -1 with errno, then answers.
template <class Make>
void create(fuse_req_t request, fuse_ino_t parent, const char *name, const Make &make) {
  View &view = view_of(request);
  auto target = view.target(parent, name);
  if (!target.ok()) return reply_status(request, target.status());
  if (int error = refuse(view, view::Op::create, target->info, false)) return reply_error(request, error);
  auto directory = view.base.directory(parent);
  if (!directory.ok()) return reply_status(request, directory.status());
  view.housekeeper->wake();
  int handle = (*directory)->fd.get();
  {
    ActAsCaller caller(request, view);
    if (caller.error() != 0) return reply_error(request, caller.error());
    if (make(handle) != 0) return reply_error(request, errno);
  }
  reply_new_entry(request, view, *target, handle);
}

void remove(fuse_req_t request, fuse_ino_t parent, const char *name, int flags) {
  View &view = view_of(request);
  auto target = view.target(parent, name);
  if (!target.ok()) return reply_status(request, target.status());
  if (int error = refuse_removal(view, *target)) return reply_error(request, error);
  auto directory = view.base.directory(parent);
  if (!directory.ok()) return reply_status(request, directory.status());
  view.housekeeper->wake();
  int handle = (*directory)->fd.get();

  std::optional<view::NodeId> node;
  {
    std::lock_guard lock(view.mutex);
    node = view.nodes.find(parent, name);
  }
  // The kernel may have it open still, and asks by node.
  FileRef held = node ? view.base.hold(*node, handle, name) : nullptr;
  {
    ActAsCaller caller(request, view);
    if (caller.error() != 0) return reply_error(request, caller.error());
    if (unlinkat(handle, name, flags) != 0) return reply_error(request, errno);
  }
  if (node) {
    view.base.keep(*node, std::move(held));
    view.drop_name(parent, name);
    view.changed(*node);
  }
  reply_error(request, 0);
}

// A second name for what `source` is. A deleted or never named file is reached by the kernel's own
// link to its descriptor, any other by one of its names.
int make_link(View &view, view::NodeId id, const FileRef &source, int directory, const char *new_name) {
  std::optional<view::NodeName> name;
  {
    std::lock_guard lock(view.mutex);
    name = view.nodes.name(id, 0);
  }
  if (!name) {
    std::string own = "/proc/self/fd/" + std::to_string(source->fd.get());
    return linkat(AT_FDCWD, own.c_str(), directory, new_name, AT_SYMLINK_FOLLOW);
  }
  auto parent = view.base.directory(name->parent);
  if (!parent.ok()) {
    errno = parent.error();
    return -1;
  }
  if (linkat((*parent)->fd.get(), name->name.c_str(), directory, new_name, 0) != 0) return -1;
  struct stat wanted {
  }, made{};
  bool same = fstat(source->fd.get(), &wanted) == 0 &&
              fstatat(directory, new_name, &made, AT_SYMLINK_NOFOLLOW) == 0 &&
              base_file(wanted) == base_file(made);
  if (same) return 0;
  // Another file had taken the name in the base between the look and the link.
  (void)unlinkat(directory, new_name, 0);
  errno = ESTALE;
  return -1;
}

}  // namespace

void op_mknod(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode, dev_t) {
  if (S_ISCHR(mode) || S_ISBLK(mode)) return reply_error(request, EPERM);
  create(request, parent, name,
         [&](int directory) { return mknodat(directory, name, mode & (S_IFMT | kSettable), 0); });
}

void op_mkdir(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode) {
  create(request, parent, name, [&](int directory) { return mkdirat(directory, name, mode & kSettable); });
}

void op_symlink(fuse_req_t request, const char *target, fuse_ino_t parent, const char *name) {
  create(request, parent, name, [&](int directory) { return symlinkat(target, directory, name); });
}

void op_link(fuse_req_t request, fuse_ino_t id, fuse_ino_t new_parent, const char *new_name) {
  View &view = view_of(request);
  auto node = view.node(id);
  if (!node) return reply_error(request, ESTALE);
  if (S_ISDIR(node->file.type)) return reply_error(request, EPERM);
  if (int error = refuse(view, view::Op::change, view.info(*node), false)) return reply_error(request, error);
  auto source = view.base.handle(id);
  if (!source.ok()) return reply_status(request, source.status());
  create(request, new_parent, new_name,
         [&](int directory) { return make_link(view, id, *source, directory, new_name); });
}

void op_unlink(fuse_req_t request, fuse_ino_t parent, const char *name) { remove(request, parent, name, 0); }

void op_rmdir(fuse_req_t request, fuse_ino_t parent, const char *name) {
  remove(request, parent, name, AT_REMOVEDIR);
}

}  // namespace agentfense::fuse
