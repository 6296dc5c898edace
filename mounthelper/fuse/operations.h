// The operations of a view, by family; operations.cc binds them.
//
// Each is thin: decide by the table (view/decide.h), act on the base, answer. None keeps a lock over
// a system call, and none answers before it has decided.
#pragma once

#include "mounthelper/fuse/low_level.h"
#include "mounthelper/fuse/serve.h"

namespace agentfense::fuse {

// The binding, for one connection with these options. Its userdata is a View.
[[nodiscard]] fuse_lowlevel_ops operations(const ViewOptions &options);

// op_attributes.cc: what stands where, and what is known about it
void op_lookup(fuse_req_t, fuse_ino_t parent, const char *name);
void op_forget(fuse_req_t, fuse_ino_t, uint64_t count);
void op_forget_multi(fuse_req_t, size_t count, fuse_forget_data *);
void op_getattr(fuse_req_t, fuse_ino_t, fuse_file_info *);
void op_setattr(fuse_req_t, fuse_ino_t, struct stat *, int to_set, fuse_file_info *);
void op_readlink(fuse_req_t, fuse_ino_t);
void op_statfs(fuse_req_t, fuse_ino_t);

// op_directory.cc: listings
void op_opendir(fuse_req_t, fuse_ino_t, fuse_file_info *);
void op_readdir(fuse_req_t, fuse_ino_t, size_t size, off_t offset, fuse_file_info *);
void op_readdirplus(fuse_req_t, fuse_ino_t, size_t size, off_t offset, fuse_file_info *);
void op_fsyncdir(fuse_req_t, fuse_ino_t, int data_only, fuse_file_info *);

// op_names.cc: names that come and go
void op_mknod(fuse_req_t, fuse_ino_t parent, const char *name, mode_t, dev_t);
void op_mkdir(fuse_req_t, fuse_ino_t parent, const char *name, mode_t);
void op_symlink(fuse_req_t, const char *target, fuse_ino_t parent, const char *name);
void op_link(fuse_req_t, fuse_ino_t, fuse_ino_t new_parent, const char *new_name);
void op_unlink(fuse_req_t, fuse_ino_t parent, const char *name);
void op_rmdir(fuse_req_t, fuse_ino_t parent, const char *name);

// op_rename.cc
void op_rename(fuse_req_t, fuse_ino_t parent, const char *name, fuse_ino_t new_parent, const char *new_name,
               unsigned flags);

// op_open.cc: handles
void op_open(fuse_req_t, fuse_ino_t, fuse_file_info *);
// ENOSYS, said and not left to libfuse: 3.14 would answer such an open with success instead.
void op_never_asked(fuse_req_t, fuse_ino_t, fuse_file_info *);
void op_create(fuse_req_t, fuse_ino_t parent, const char *name, mode_t, fuse_file_info *);
void op_tmpfile(fuse_req_t, fuse_ino_t parent, mode_t, fuse_file_info *);
void op_release(fuse_req_t, fuse_ino_t, fuse_file_info *);

// op_file.cc: content
void op_read(fuse_req_t, fuse_ino_t, size_t size, off_t offset, fuse_file_info *);
void op_write(fuse_req_t, fuse_ino_t, const char *data, size_t size, off_t offset, fuse_file_info *);
void op_fsync(fuse_req_t, fuse_ino_t, int data_only, fuse_file_info *);
void op_fallocate(fuse_req_t, fuse_ino_t, int mode, off_t offset, off_t length, fuse_file_info *);
void op_lseek(fuse_req_t, fuse_ino_t, off_t offset, int whence, fuse_file_info *);
void op_copy_file_range(fuse_req_t, fuse_ino_t in, off_t in_offset, fuse_file_info *in_handle, fuse_ino_t out,
                        off_t out_offset, fuse_file_info *out_handle, size_t length, int flags);

// op_xattr.cc
void op_setxattr(fuse_req_t, fuse_ino_t, const char *name, const char *value, size_t size, int flags);
void op_getxattr(fuse_req_t, fuse_ino_t, const char *name, size_t size);
void op_listxattr(fuse_req_t, fuse_ino_t, size_t size);
void op_removexattr(fuse_req_t, fuse_ino_t, const char *name);

}  // namespace agentfense::fuse
