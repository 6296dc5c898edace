#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <climits>
#include <cstring>

#include "mounthelper/fuse/caller.h"
#include "mounthelper/fuse/charge.h"
#include "mounthelper/fuse/operations.h"
#include "mounthelper/fuse/reply.h"
#include "mounthelper/sys/attributes.h"

namespace agentfense::fuse {
namespace {

constexpr mode_t kSettable = 01777;  // set-id bits are silently not stored: tar and install go on

void reply_negative(fuse_req_t request, double timeout) {
  fuse_entry_param entry{};
  entry.entry_timeout = timeout;
  (void)fuse_reply_entry(request, &entry);
}

// Set-id bits of a base directory act on the group of new files there; chmod in the view, where they
// do not show, must not take them.
mode_t new_mode(mode_t wanted, mode_t current) {
  mode_t kept = S_ISDIR(current) ? current & (S_ISUID | S_ISGID) : 0;
  return (wanted & kSettable) | kept;
}

timespec wanted_time(const timespec &given, int to_set, int set, int now) {
  if (to_set & now) return {0, UTIME_NOW};
  return to_set & set ? given : timespec{0, UTIME_OMIT};
}

// What truncation acts on where the node's handle is not good for it. With handles, truncate(2) by path counts as
// one more open, by the caller; without, the kernel has checked the caller's right, or its descriptor, and it is
// one more write.
sys::Result<FileRef> file_to_truncate(View &view, view::NodeId node, const Handle *handle) {
  if (handle != nullptr && handle->file->writable) return handle->file;
  return view.options.ask_open ? view.files.open(node, O_WRONLY) : view.files.file(node, true);
}

sys::Status truncate_file(View &view, const FileRef &file, off_t size) {
  strip_set_id(*file);
  Charge charge(view, file->fd.get());
  return ftruncate(file->fd.get(), size) == 0 ? sys::Status() : sys::errno_status();
}

sys::Status apply(View &view, view::NodeId node, int fd, const struct stat &wanted, int to_set,
                  const Handle *handle, const FileRef &opened) {
  if (to_set & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID)) {
    uid_t user = to_set & FUSE_SET_ATTR_UID ? wanted.st_uid : static_cast<uid_t>(-1);
    gid_t group = to_set & FUSE_SET_ATTR_GID ? wanted.st_gid : static_cast<gid_t>(-1);
    if (sys::Status status = sys::change_owner(fd, user, group); !status.ok()) return status;
  }
  if (to_set & FUSE_SET_ATTR_MODE) {
    struct stat current {};
    if (fstat(fd, &current) != 0) return sys::errno_status();
    if ((wanted.st_mode & S_IWUSR) == 0) view.files.mark_precious(node);
    sys::Status status = sys::change_mode(fd, new_mode(wanted.st_mode, current.st_mode));
    if (!status.ok()) return status;
  }
  if (to_set & FUSE_SET_ATTR_SIZE) {
    auto to_truncate = opened ? sys::Result<FileRef>(opened) : file_to_truncate(view, node, handle);
    if (!to_truncate.ok()) return to_truncate.status();
    sys::Status status = truncate_file(view, *to_truncate, wanted.st_size);
    if (!status.ok()) return status;
  }
  timespec times[2] = {
      wanted_time(wanted.st_atim, to_set, FUSE_SET_ATTR_ATIME, FUSE_SET_ATTR_ATIME_NOW),
      wanted_time(wanted.st_mtim, to_set, FUSE_SET_ATTR_MTIME, FUSE_SET_ATTR_MTIME_NOW),
  };
  if (times[0].tv_nsec == UTIME_OMIT && times[1].tv_nsec == UTIME_OMIT) return {};
  return sys::change_times(fd, times);
}

void reply_attributes(fuse_req_t request, View &view, const view::NodeView &node, const struct stat &info) {
  struct stat shown = view.shown({info, node.layering}, view.info(node));
  // A name that a delta covers is one less, though the base still has it.
  bool covered = node.names == 0 && node.layering.layers == view::Layering::kBase;
  if (covered && !S_ISDIR(info.st_mode) && shown.st_nlink > 0) --shown.st_nlink;
  (void)fuse_reply_attr(request, &shown, view.base_timeout());
}

}  // namespace

void op_lookup(fuse_req_t request, fuse_ino_t parent, const char *name) {
  View &view = view_of(request);
  auto target = view.target(parent, name);
  if (!target.ok()) return reply_status(request, target.status());
  // The base is not asked: neither the answer nor its time can tell whether something is there.
  if (view::always_hidden(target->info)) return reply_negative(request, view.table_timeout());

  view.housekeeper->wake();
  auto steady = view.names->steady();
  auto seen = view.names->look(parent, name);
  if (!seen.ok()) {
    if (seen.error() != ENOENT) return reply_status(request, seen.status());
    view.drop_name(parent, name);
    return reply_negative(request, view.base_timeout());
  }
  if (!view::visible(target->info, S_ISDIR(seen->info.st_mode)))
    return reply_negative(request, view.base_timeout());
  reply_entry(request, view, *target, *seen);
}

void op_forget(fuse_req_t request, fuse_ino_t node, uint64_t count) {
  view_of(request).forget(node, count);
  fuse_reply_none(request);
}

void op_forget_multi(fuse_req_t request, size_t count, fuse_forget_data *forgets) {
  View &view = view_of(request);
  for (size_t i = 0; i < count; ++i) view.forget(forgets[i].ino, forgets[i].nlookup);
  fuse_reply_none(request);
}

void op_getattr(fuse_req_t request, fuse_ino_t id, fuse_file_info *info) {
  View &view = view_of(request);
  auto node = view.node(id);
  if (!node) return reply_error(request, ESTALE);
  if (const Handle *handle = current_handle(*node, info)) {
    struct stat attributes {};
    if (fstat(handle->file->fd.get(), &attributes) != 0) return reply_error(request, errno);
    return reply_attributes(request, view, *node, attributes);
  }
  auto attributes = view.files.attributes(id);
  if (!attributes.ok()) return reply_status(request, attributes.status());
  reply_attributes(request, view, *node, *attributes);
}

void op_setattr(fuse_req_t request, fuse_ino_t id, struct stat *wanted, int to_set, fuse_file_info *info) {
  View &view = view_of(request);
  auto node = view.node(id);
  if (!node) return reply_error(request, ESTALE);
  if (int error = refuse(view, view::Op::change, view.info(*node), S_ISDIR(node->file.type))) {
    return reply_error(request, error);
  }
  view.housekeeper->wake();
  off_t keep = to_set & FUSE_SET_ATTR_SIZE ? wanted->st_size : Names::kWhole;
  // As at an open; see file_to_truncate.
  bool opens = (to_set & FUSE_SET_ATTR_SIZE) != 0 && view.options.ask_open && handle_of(info) == nullptr;
  Names::May may;
  if (opens) may = [&](int fd) { return may_write(request, view, fd); };
  if (sys::Status ready = view.names->prepare(id, keep, may); !ready.ok())
    return reply_status(request, ready);
  node = view.node(id);
  if (!node) return reply_error(request, ESTALE);
  const Handle *handle = current_handle(*node, info);
  auto file = handle != nullptr ? sys::Result<FileRef>(handle->file) : view.files.handle(id);
  if (!file.ok()) return reply_status(request, file.status());
  int fd = (*file)->fd.get();
  FileRef opened;
  if ((to_set & FUSE_SET_ATTR_SIZE) != 0 && !view.options.ask_open) {
    auto to_truncate = file_to_truncate(view, id, handle);
    if (!to_truncate.ok()) return reply_status(request, to_truncate.status());
    opened = *to_truncate;
  }
  {
    ActAsCaller caller(request, view);
    if (caller.error() != 0) return reply_error(request, caller.error());
    sys::Status status = apply(view, id, fd, *wanted, to_set, handle, opened);
    if (!status.ok()) return reply_status(request, status);
  }
  view.changed(id);
  if ((to_set & FUSE_SET_ATTR_MODE) != 0 && S_ISDIR(node->file.type)) view.names->look_again(id);
  struct stat attributes {};
  if (fstat(fd, &attributes) != 0) return reply_error(request, errno);
  reply_attributes(request, view, *node, attributes);
}

void op_readlink(fuse_req_t request, fuse_ino_t id) {
  View &view = view_of(request);
  auto node = view.node(id);
  if (!node) return reply_error(request, ESTALE);
  if (int error = refuse(view, view::Op::read_link, view.info(*node), false))
    return reply_error(request, error);
  auto handle = view.files.handle(id);
  if (!handle.ok()) return reply_status(request, handle.status());
  char target[PATH_MAX + 1];
  ssize_t length = readlinkat((*handle)->fd.get(), "", target, PATH_MAX);
  if (length < 0) return reply_error(request, errno);
  target[length] = '\0';
  (void)fuse_reply_readlink(request, target);
}

void op_statfs(fuse_req_t request, fuse_ino_t) {
  struct statvfs info {};
  View &view = view_of(request);
  if (fstatvfs(view.files.root(), &info) != 0) return reply_error(request, errno);
  view.usage.apply_to(info);
  (void)fuse_reply_statfs(request, &info);
}

}  // namespace agentfense::fuse
