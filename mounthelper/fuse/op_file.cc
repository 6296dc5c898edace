#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>

#include "mounthelper/fuse/charge.h"
#include "mounthelper/fuse/operations.h"
#include "mounthelper/fuse/reply.h"

namespace agentfense::fuse {
namespace {

// Up to here a copy costs less than setting up a pipe for splice.
constexpr size_t kCopied = 32 * 1024;

// Decides by the node's level, whatever the kernel thought when it opened, and finds a descriptor:
// the handle's, or one that the node gets for a while.
sys::Result<FileRef> file_for(View &view, view::NodeId id, const fuse_file_info *info, view::Op op) {
  auto node = view.node(id);
  if (!node) return sys::Status::failure(ESTALE);
  if (int error = refuse(view, op, view.info(*node), false)) return sys::Status::failure(error);
  bool writes = op == view::Op::change;
  if (writes) {
    if (sys::Status ready = view.names->prepare(id, Names::kWhole); !ready.ok()) return ready;
    node = view.node(id);
    if (!node) return sys::Status::failure(ESTALE);
  }
  if (const Handle *handle = current_handle(*node, info)) {
    if (writes ? handle->file->writable : handle->file->readable) return handle->file;
    return sys::Status::failure(EBADF);
  }
  view.housekeeper->wake();
  return view.files.file(id, writes);
}

// O_APPEND means the end that the base has now, which another view may have moved.
ssize_t write_some(const OpenFile &file, const char *data, size_t size, off_t offset, bool append) {
  if (append) {
    iovec piece{const_cast<char *>(data), size};
    ssize_t written = pwritev2(file.fd.get(), &piece, 1, offset, RWF_APPEND);
    if (written >= 0 || errno != EOPNOTSUPP) return written;
  }
  return pwrite(file.fd.get(), data, size, offset);
}

}  // namespace

void op_read(fuse_req_t request, fuse_ino_t id, size_t size, off_t offset, fuse_file_info *info) {
  View &view = view_of(request);
  auto file = file_for(view, id, info, view::Op::read);
  if (!file.ok()) return reply_status(request, file.status());
  if (size <= kCopied) {
    char buffer[kCopied];
    ssize_t got = pread((*file)->fd.get(), buffer, size, offset);
    if (got < 0) return reply_error(request, errno);
    (void)fuse_reply_buf(request, buffer, static_cast<size_t>(got));
    return;
  }
  fuse_bufvec source = FUSE_BUFVEC_INIT(size);
  source.buf[0].flags = static_cast<fuse_buf_flags>(FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK);
  source.buf[0].fd = (*file)->fd.get();
  source.buf[0].pos = offset;
  (void)fuse_reply_data(request, &source, FUSE_BUF_SPLICE_MOVE);
}

void op_write(fuse_req_t request, fuse_ino_t id, const char *data, size_t size, off_t offset,
              fuse_file_info *info) {
  View &view = view_of(request);
  auto file = file_for(view, id, info, view::Op::change);
  if (!file.ok()) {
    // Where opens are not asked, a caller with capabilities may have mapped what it may not change: what it
    // wrote there must not stay for others to read.
    if (info->writepage) view.housekeeper->invalidate({id});
    return reply_status(request, file.status());
  }
  strip_set_id(**file);
  // A page of a mapping has its own place, whatever the flags of the file it was opened with.
  bool append = (info->flags & O_APPEND) != 0 && !info->writepage;
  Charge charge(view, (*file)->fd.get());
  if (sys::Status room = charge.room_for(offset, size); !room.ok()) return reply_status(request, room);
  size_t done = 0;
  while (done < size) {
    ssize_t wrote = write_some(**file, data + done, size - done, offset + static_cast<off_t>(done), append);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0 && done == 0) return reply_error(request, errno);
    if (wrote <= 0) break;
    done += static_cast<size_t>(wrote);
  }
  view.changed(id);
  (void)fuse_reply_write(request, done);
}

void op_fsync(fuse_req_t request, fuse_ino_t id, int data_only, fuse_file_info *info) {
  View &view = view_of(request);
  auto node = view.node(id);
  if (!node) return reply_error(request, ESTALE);
  // Nothing of the base is unwritten by us, and a delta that goes with the view need not outlive the machine.
  if (node->layering.layers == view::Layering::kBase || view.options.delta_volatile)
    return reply_error(request, 0);
  sys::Result<FileRef> file = sys::Status::failure(EACCES);
  if (const Handle *handle = current_handle(*node, info)) {
    file = handle->file;
  } else {
    file = file_for(view, id, nullptr, view::Op::read);
    if (!file.ok()) file = file_for(view, id, nullptr, view::Op::change);
  }
  if (!file.ok()) return reply_status(request, file.status());
  int result = data_only ? fdatasync((*file)->fd.get()) : fsync((*file)->fd.get());
  reply_error(request, result == 0 ? 0 : errno);
}

void op_fallocate(fuse_req_t request, fuse_ino_t id, int mode, off_t offset, off_t length,
                  fuse_file_info *info) {
  View &view = view_of(request);
  auto file = file_for(view, id, info, view::Op::change);
  if (!file.ok()) return reply_status(request, file.status());
  strip_set_id(**file);
  Charge charge(view, (*file)->fd.get());
  if ((mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_COLLAPSE_RANGE)) == 0) {
    sys::Status room = charge.room_for(offset, static_cast<size_t>(length));
    if (!room.ok()) return reply_status(request, room);
  }
  int result = fallocate((*file)->fd.get(), mode, offset, length);
  int error = result == 0 ? 0 : errno;
  view.changed(id);
  reply_error(request, error);
}

void op_lseek(fuse_req_t request, fuse_ino_t id, off_t offset, int whence, fuse_file_info *info) {
  View &view = view_of(request);
  // Where data is may be asked with a descriptor for writing, too; it takes the level, not the mode.
  auto node = view.node(id);
  if (!node) return reply_error(request, ESTALE);
  if (int error = refuse(view, view::Op::read, view.info(*node), false)) return reply_error(request, error);
  const Handle *handle = current_handle(*node, info);
  auto file =
      handle != nullptr ? sys::Result<FileRef>(handle->file) : file_for(view, id, nullptr, view::Op::read);
  if (!file.ok()) return reply_status(request, file.status());
  if (whence != SEEK_DATA && whence != SEEK_HOLE) return reply_error(request, EINVAL);
  off_t found = lseek((*file)->fd.get(), offset, whence);
  if (found < 0) return reply_error(request, errno);
  (void)fuse_reply_lseek(request, found);
}

void op_copy_file_range(fuse_req_t request, fuse_ino_t in, off_t in_offset, fuse_file_info *in_handle,
                        fuse_ino_t out, off_t out_offset, fuse_file_info *out_handle, size_t length,
                        int flags) {
  View &view = view_of(request);
  auto source = file_for(view, in, in_handle, view::Op::read);
  if (!source.ok()) return reply_status(request, source.status());
  auto target = file_for(view, out, out_handle, view::Op::change);
  if (!target.ok()) return reply_status(request, target.status());
  strip_set_id(**target);
  Charge charge(view, (*target)->fd.get());
  if (sys::Status room = charge.room_for(out_offset, length); !room.ok()) return reply_status(request, room);
  ssize_t copied = copy_file_range((*source)->fd.get(), &in_offset, (*target)->fd.get(), &out_offset, length,
                                   static_cast<unsigned>(flags));
  if (copied < 0) return reply_error(request, errno);
  view.changed(out);
  (void)fuse_reply_write(request, static_cast<size_t>(copied));
}

}  // namespace agentfense::fuse
