#include "mounthelper/fuse/operations.h"

#include <cerrno>

namespace agentfense::fuse {
namespace {

// libfuse opens by itself where nothing is bound; the kernel must hear that nobody is asked.
void op_not_asked(fuse_req_t request, fuse_ino_t, fuse_file_info *) { (void)fuse_reply_err(request, ENOSYS); }

}  // namespace

// What is not bound is answered ENOSYS once, and the kernel asks no more:
//   flush         nothing waits for close(2): every write has reached the base already
//   access        the kernel checks mode bits itself (default_permissions)
//   getlk, setlk, flock  the kernel keeps locks itself: they hold between all processes of one view
fuse_lowlevel_ops operations(const ViewOptions &options) {
  fuse_lowlevel_ops ops{};

  ops.lookup = op_lookup;
  ops.forget = op_forget;
  ops.forget_multi = op_forget_multi;
  ops.getattr = op_getattr;
  ops.setattr = op_setattr;
  ops.readlink = op_readlink;
  ops.statfs = op_statfs;

  ops.readdir = op_readdir;
  ops.readdirplus = op_readdirplus;
  ops.fsyncdir = op_fsyncdir;

  ops.mknod = op_mknod;
  ops.mkdir = op_mkdir;
  ops.symlink = op_symlink;
  ops.link = op_link;
  ops.unlink = op_unlink;
  ops.rmdir = op_rmdir;
  ops.rename = op_rename;

  // Answered "not asked" once, the kernel opens by itself, keeps its page cache and caches listings. A
  // directory needs no asking in a snapshot either: what it lists was decided name by name.
  bool live = options.coherence == ViewOptions::Coherence::live;
  ops.open = options.ask_open ? op_open : op_not_asked;
  ops.opendir = options.ask_open && live ? op_opendir : op_not_asked;
  ops.create = op_create;
#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 17)
  ops.tmpfile = op_tmpfile;
#endif
  ops.release = op_release;

  ops.read = op_read;
  ops.write = op_write;
  ops.fsync = op_fsync;
  ops.fallocate = op_fallocate;
  ops.lseek = op_lseek;
  ops.copy_file_range = op_copy_file_range;

  ops.setxattr = op_setxattr;
  ops.getxattr = op_getxattr;
  ops.listxattr = op_listxattr;
  ops.removexattr = op_removexattr;
  return ops;
}

}  // namespace agentfense::fuse
