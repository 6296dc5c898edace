#include <fcntl.h>
#include <unistd.h>

#include "mounthelper/fuse/caller.h"
#include "mounthelper/fuse/charge.h"
#include "mounthelper/fuse/operations.h"
#include "mounthelper/fuse/reply.h"

namespace agentfense::fuse {
namespace {

constexpr mode_t kSettable = 01777;
constexpr off_t kLarge = 1 << 20;    // bytes; see passthrough.h
constexpr int kForExecution = 0x20;  // __FMODE_EXEC: the kernel opens a program to run it

// Nothing that a process could have changed and the kernel not have seen: never 0.
uint64_t content_stamp(const struct stat &info) {
  uint64_t h = static_cast<uint64_t>(info.st_size);
  for (uint64_t part :
       {info.st_mtim.tv_sec, info.st_mtim.tv_nsec, info.st_ctim.tv_sec, info.st_ctim.tv_nsec}) {
    h = (h ^ part) * 0x9e3779b97f4a7c15;
    h ^= h >> 29;
  }
  return h | 1;
}

bool content_unchanged(View &view, view::NodeId node, const FileRef &file) {
  if (view.snapshot()) return true;
  struct stat info {};
  if (fstat(file->fd.get(), &info) != 0) return false;
  uint64_t stamp = content_stamp(info);
  std::lock_guard lock(view.mutex);
  return view.nodes.swap_content_stamp(node, stamp) == stamp;
}

// Whether the kernel should read and write the base by itself. A writer's file must have no other name
// that another level's node may stand for: nobody would tell that node of the writes.
// Nor may another file take its place while it is open, as a copy-up would.
bool pass_through(const FileRef &file, table::Level level) {
  if (file->in_base && level == table::Level::write) return false;
  struct stat info {};
  if (fstat(file->fd.get(), &info) != 0 || info.st_size < kLarge) return false;
  return !file->writable || info.st_nlink == 1;
}

// The answer's flags, and the handle.
void give_handle(View &view, view::NodeId node, FileRef file, fuse_file_info *info, bool keep_cache) {
  auto known = view.node(node);
  bool counted = file->writable && view.usage.limited();
  bool pass = known && !counted && pass_through(file, known->standing.level);
  int backing = view.passthrough.opened(node, file->fd.get(), pass);
  if (backing > 0) {
#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 17)
    info->backing_id = backing;
#endif
    if (file->writable) strip_set_id(*file);  // there will be no write to do it at
  } else {
    info->direct_io = (info->flags & O_DIRECT) != 0;
    info->keep_cache = keep_cache;
  }
  info->noflush = 1;
  view.files.note_handle(node, file);
  info->fh = reinterpret_cast<uint64_t>(new Handle{std::move(file), backing > 0});
}

void take_handle(View &view, view::NodeId node, fuse_file_info *info) {
  const Handle *handle = handle_of(info);
  if (handle == nullptr) return;
  view.passthrough.closed(node);
  view.files.drop_handle(node, handle->file);
  if (handle->passing && handle->file->writable) view.changed(node);
  delete handle;
  info->fh = 0;
}

// A program is opened with the helper's rights: running it needs no right to read it, and the kernel
// has checked the right to run it.
sys::Result<FileRef> open_as(fuse_req_t request, View &view, view::NodeId node, int flags) {
  if (flags & kForExecution) return view.files.open(node, O_RDONLY);
  ActAsCaller caller(request, view);
  if (caller.error() != 0) return sys::Status::failure(caller.error());
  int access = flags & O_ACCMODE;
  auto file = view.files.open(node, access);
  if (!file.ok() || !(flags & O_TRUNC)) return file;
  sys::Result<FileRef> writable = (*file)->writable ? file : view.files.open(node, O_WRONLY);
  if (!writable.ok()) return writable;
  strip_set_id(**writable);
  Charge charge(view, (*writable)->fd.get());
  if (ftruncate((*writable)->fd.get(), 0) != 0) return sys::errno_status();
  return file;
}

// A new file, open for both: what the kernel lets its creator do with it depends on the handle that
// the kernel keeps, not on ours. REQUIRES: the thread acts with the caller's ids. Null: see errno.
FileRef make_file(int directory, const char *name, int flags, mode_t mode) {
  sys::Fd fd(openat(directory, name, flags | O_RDWR | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, mode & kSettable));
  if (!fd) return nullptr;
  auto file = std::make_shared<OpenFile>();
  file->fd = std::move(fd);
  file->readable = file->writable = true;
  file->precious = (mode & S_IWUSR) == 0;
  return file;
}

void reply_created(fuse_req_t request, View &view, const fuse_entry_param &entry, const FileRef &file,
                   fuse_file_info *info) {
  if (view.options.ask_open) {
    give_handle(view, entry.ino, file, info, true);
  } else {
    // The kernel, which opens without asking, gives no handle back either.
    info->fh = 0;
    info->keep_cache = 1;
    view.files.remember_file(entry.ino, file);
    view.housekeeper->wake();
  }
  if (fuse_reply_create(request, &entry, info) == 0) return;
  take_handle(view, entry.ino, info);
  view.forget(entry.ino, 1);
}

}  // namespace

void op_never_asked(fuse_req_t request, fuse_ino_t, fuse_file_info *) { reply_error(request, ENOSYS); }

void op_open(fuse_req_t request, fuse_ino_t id, fuse_file_info *info) {
  View &view = view_of(request);
  auto node = view.node(id);
  if (!node) return reply_error(request, ESTALE);
  bool writes = (info->flags & O_ACCMODE) != O_RDONLY || (info->flags & O_TRUNC);
  if (writes && view.options.read_only) return reply_error(request, EROFS);
  if (int error = view::decide_open(info->flags, view.info(*node))) return reply_error(request, error);
  if (writes) {
    off_t keep = info->flags & O_TRUNC ? 0 : Names::kWhole;
    // The kernel has asked the mode bits alone; a list of rights may refuse all the same.
    auto may = [&](int fd) { return may_write(request, view, fd); };
    if (sys::Status ready = view.names->prepare(id, keep, may); !ready.ok())
      return reply_status(request, ready);
  }
  auto file = open_as(request, view, id, info->flags);
  if (!file.ok()) return reply_status(request, file.status());
  view.housekeeper->wake();
  if (info->flags & O_TRUNC) view.changed(id);
  give_handle(view, id, *file, info, content_unchanged(view, id, *file));
  if (fuse_reply_open(request, info) != 0) take_handle(view, id, info);
}

void op_create(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode, fuse_file_info *info) {
  View &view = view_of(request);
  auto target = view.target(parent, name);
  if (!target.ok()) return reply_status(request, target.status());
  if (int error = refuse(view, view::Op::create, target->info, false)) return reply_error(request, error);
  view.housekeeper->wake();
  FileRef file;
  auto made = view.names->make(request, *target, [&](int directory, const char *at) {
    file = make_file(directory, at, O_CREAT | O_EXCL, mode);
    return file ? 0 : -1;
  });
  if (!made.ok()) {
    // Somebody else made the name since the kernel looked: it is to look again and open that.
    bool look_again = made.error() == EEXIST && !(info->flags & O_EXCL);
    return reply_error(request, look_again ? ESTALE : made.error());
  }
  reply_created(request, view, make_entry(view, *target, *made), file, info);
}

// A file without a name needs a directory in which a name could be given to it; the name itself is
// decided at link(2).
void op_tmpfile(fuse_req_t request, fuse_ino_t parent, mode_t mode, fuse_file_info *info) {
  View &view = view_of(request);
  auto node = view.node(parent);
  if (!node) return reply_error(request, ESTALE);
  table::StateInfo above = view.info(*node);
  table::StateInfo allowed = above;
  if (above.writable_child) allowed.level = table::Level::write;
  if (int error = refuse(view, view::Op::create, allowed, false)) return reply_error(request, error);
  auto directory = view.names->place_for_nameless(parent);
  if (!directory.ok()) return reply_status(request, directory.status());
  FileRef file;
  {
    ActAsCaller caller(request, view);
    if (caller.error() != 0) return reply_error(request, caller.error());
    file = make_file((*directory)->fd.get(), ".", O_TMPFILE, mode);
  }
  Seen made;
  if (!file || fstat(file->fd.get(), &made.info) != 0) return reply_error(request, errno);
  if (view.options.delta != nullptr) made.layering.layers = view::Layering::kUpper;

  fuse_entry_param entry{};
  {
    std::lock_guard lock(view.mutex);
    view::Standing standing{node->standing.state, allowed.level};
    entry.ino = view.nodes.remember_nameless(base_file(made.info), standing, made.layering);
  }
  view.files.keep(entry.ino, file);
  entry.attr = view.shown(made, allowed);
  entry.attr_timeout = entry.entry_timeout = view.base_timeout();
  reply_created(request, view, entry, file, info);
}

void op_release(fuse_req_t request, fuse_ino_t id, fuse_file_info *info) {
  take_handle(view_of(request), id, info);
  reply_error(request, 0);
}

}  // namespace agentfense::fuse
