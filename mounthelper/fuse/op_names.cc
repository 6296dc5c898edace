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

// Decides, then makes something of a new name by `how` with make(directory, name), then answers.
void create(fuse_req_t request, fuse_ino_t parent, const char *name, const delta::Make &make,
            decltype(&Names::make) how = &Names::make) {
  View &view = view_of(request);
  auto target = view.target(parent, name);
  if (!target.ok()) return reply_status(request, target.status());
  if (int error = refuse(view, view::Op::create, target->info, false)) return reply_error(request, error);
  view.housekeeper->wake();
  auto made = (view.names.get()->*how)(request, *target, make);
  if (!made.ok()) return reply_status(request, made.status());
  reply_entry(request, view, *target, *made);
}

void remove(fuse_req_t request, fuse_ino_t parent, const char *name, bool is_directory) {
  View &view = view_of(request);
  auto target = view.target(parent, name);
  if (!target.ok()) return reply_status(request, target.status());
  if (int error = refuse_removal(view, *target)) return reply_error(request, error);
  view.housekeeper->wake();
  reply_status(request, view.names->remove(request, *target, is_directory));
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
  auto parent = view.files.directory(name->parent);
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
  create(request, parent, name, [&](int directory, const char *at) {
    return mknodat(directory, at, mode & (S_IFMT | kSettable), 0);
  });
}

void op_mkdir(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode) {
  create(request, parent, name,
         [&](int directory, const char *at) { return mkdirat(directory, at, mode & kSettable); });
}

void op_symlink(fuse_req_t request, const char *target, fuse_ino_t parent, const char *name) {
  create(request, parent, name,
         [&](int directory, const char *at) { return symlinkat(target, directory, at); });
}

void op_link(fuse_req_t request, fuse_ino_t id, fuse_ino_t new_parent, const char *new_name) {
  View &view = view_of(request);
  auto node = view.node(id);
  if (!node) return reply_error(request, ESTALE);
  if (S_ISDIR(node->file.type)) return reply_error(request, EPERM);
  if (int error = refuse(view, view::Op::change, view.info(*node), false)) return reply_error(request, error);
  if (sys::Status ready = view.names->prepare(id, Names::kWhole); !ready.ok())
    return reply_status(request, ready);
  auto source = view.files.handle(id);
  if (!source.ok()) return reply_status(request, source.status());
  create(
      request, new_parent, new_name,
      [&](int directory, const char *at) { return make_link(view, id, *source, directory, at); },
      &Names::link);
}

void op_unlink(fuse_req_t request, fuse_ino_t parent, const char *name) {
  remove(request, parent, name, false);
}

void op_rmdir(fuse_req_t request, fuse_ino_t parent, const char *name) {
  remove(request, parent, name, true);
}

}  // namespace agentfense::fuse
