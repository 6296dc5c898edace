#include "mounthelper/delta/copy.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "mounthelper/sys/attributes.h"
#include "mounthelper/sys/xattr_at.h"

namespace agentfense::delta {
namespace {

using sys::Status;

constexpr size_t kPiece = size_t{1} << 30;  // bytes of one copy_file_range
constexpr size_t kBuffer = 256 * 1024;

bool cannot_in_kernel(int error) {
  return error == EXDEV || error == EINVAL || error == EOPNOTSUPP || error == ENOSYS || error == EBADF ||
         error == ETXTBSY || error == EPERM;
}

// [offset, end) by read and write.
Status copy_by_hand(int from, int to, off_t offset, off_t end) {
  std::vector<char> buffer(kBuffer);
  while (offset < end) {
    size_t want = std::min(buffer.size(), static_cast<size_t>(end - offset));
    ssize_t got = pread(from, buffer.data(), want, offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return sys::errno_status();
    if (got == 0) return {};  // it became shorter
    for (ssize_t done = 0; done < got;) {
      ssize_t wrote = pwrite(to, buffer.data() + done, static_cast<size_t>(got - done), offset + done);
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) return sys::errno_status();
      done += wrote;
    }
    offset += got;
  }
  return {};
}

Status copy_range(int from, int to, off_t offset, off_t end) {
  while (offset < end) {
    off_t in = offset;
    off_t out = offset;
    size_t want = std::min(kPiece, static_cast<size_t>(end - offset));
    ssize_t copied = copy_file_range(from, &in, to, &out, want, 0);
    if (copied < 0 && errno == EINTR) continue;
    if (copied < 0 && !cannot_in_kernel(errno)) return sys::errno_status();
    if (copied <= 0) return copy_by_hand(from, to, offset, end);  // 0: some file systems' way to say no
    offset += copied;
  }
  return {};
}

Status copy_attribute(int from, int to, const char *name, const std::string &new_name) {
  std::vector<char> value;
  ssize_t got = 0;
  do {
    ssize_t need = fgetxattr(from, name, nullptr, 0);
    if (need < 0) return {};  // gone, or not ours to read
    value.resize(static_cast<size_t>(need));
    got = fgetxattr(from, name, value.data(), value.size());
  } while (got < 0 && errno == ERANGE);
  if (got < 0) return {};
  if (fsetxattr(to, new_name.c_str(), value.data(), static_cast<size_t>(got), 0) == 0) return {};
  return errno == ENOSPC || errno == EDQUOT ? sys::errno_status() : Status();
}

bool is_kept(std::string_view name) {
  return name.starts_with("user.") || name.starts_with("security.") || name.starts_with("system.posix_acl_");
}

}  // namespace

Status copy_data(int from, int to, off_t size) {
  struct stat info {};
  if (fstat(from, &info) != 0) return sys::errno_status();
  if (size >= info.st_size && ioctl(to, FICLONE, from) == 0) return {};
  off_t end = std::min(size, info.st_size);
  for (off_t offset = 0; offset < end;) {
    off_t data = lseek(from, offset, SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;  // a hole up to the end
    if (data < 0) data = offset;            // a file system that does not know its holes
    if (data >= end) break;
    off_t hole = lseek(from, data, SEEK_HOLE);
    if (hole < 0 || hole > end) hole = end;
    if (Status status = copy_range(from, to, data, hole); !status.ok()) return status;
    offset = hole;
  }
  return ftruncate(to, end) == 0 ? Status() : sys::errno_status();
}

Status copy_attributes(int from, int to,
                       const std::function<std::string(std::string_view)> &rename_attribute) {
  for (const std::string &name : sys::attribute_names(from)) {
    if (!is_kept(name)) continue;
    std::string new_name = rename_attribute(name);
    if (new_name.empty()) continue;
    if (Status status = copy_attribute(from, to, name.c_str(), new_name); !status.ok()) return status;
  }
  return {};
}

Status copy_ownership(const struct stat &info, int to) {
  Status owner = sys::change_owner(to, info.st_uid, info.st_gid);
  if (!owner.ok() && owner.error() != EPERM && owner.error() != EINVAL) return owner;
  if (S_ISLNK(info.st_mode)) return {};
  // Set-id bits speak for the owner that they were given by.
  mode_t mode = info.st_mode & (owner.ok() ? 07777 : 01777);
  return sys::change_mode(to, mode);
}

Status copy_times(const struct stat &info, int to) {
  const timespec times[2] = {info.st_atim, info.st_mtim};
  return sys::change_times(to, times);
}

}  // namespace agentfense::delta
