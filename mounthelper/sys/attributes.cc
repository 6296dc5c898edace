#include "mounthelper/sys/attributes.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>

namespace agentfense::sys {
namespace {

constexpr long kFchmodat2 = 452;  // SYS_fchmodat2, Linux 6.6

// The kernel's own link to an open file: it names that file and no other, whatever happens to paths.
std::string own_link(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

}  // namespace

Status change_mode(int fd, mode_t mode) {
  if (syscall(kFchmodat2, fd, "", mode, AT_EMPTY_PATH) == 0) return {};
  // Unknown to the kernel, or to a filter that says EPERM to what it does not know.
  if (errno != ENOSYS && errno != EINVAL && errno != EPERM) return errno_status();
  struct stat info {};
  if (fstat(fd, &info) != 0) return errno_status();
  if (S_ISLNK(info.st_mode)) return Status::failure(EOPNOTSUPP);
  if (fchmod(fd, mode) == 0) return {};
  if (errno != EBADF) return errno_status();
  return chmod(own_link(fd).c_str(), mode) == 0 ? Status() : errno_status();
}

Status change_owner(int fd, uid_t user, gid_t group) {
  return fchownat(fd, "", user, group, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) == 0 ? Status() : errno_status();
}

Status change_times(int fd, const timespec (&times)[2]) {
  if (utimensat(fd, "", times, AT_EMPTY_PATH) == 0) return {};
  if (errno != EINVAL && errno != ENOENT) return errno_status();
  // Before Linux 5.8 the empty path was unknown here.
  struct stat info {};
  if (fstat(fd, &info) != 0) return errno_status();
  if (S_ISLNK(info.st_mode)) return Status::failure(EOPNOTSUPP);
  return utimensat(AT_FDCWD, own_link(fd).c_str(), times, 0) == 0 ? Status() : errno_status();
}

}  // namespace agentfense::sys
