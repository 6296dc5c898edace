#include "mounthelper/sys/base_dir.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cstring>
#include <string>

#include "mounthelper/sys/beneath.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

namespace agentfense::sys {
namespace {

constexpr uint64_t kMsPrivate = 1 << 18;  // MS_PRIVATE of <sys/mount.h>, which clashes with linux/mount.h

int set_mount_attributes(int fd, uint64_t set, uint64_t propagation) {
  mount_attr attributes{};
  attributes.attr_set = set;
  attributes.propagation = propagation;
  return static_cast<int>(
      syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes));
}

// Each attribute is an extra fence, so a kernel or a locked mount that refuses one is no failure;
// a copy that still takes part in propagation could meet the view itself and is not used.
Fd private_copy(const char *path, bool read_only) {
  Fd copy(static_cast<int>(
      syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE)));
  if (!copy) return Fd();
  if (set_mount_attributes(copy.get(), 0, kMsPrivate) != 0) return Fd();
  (void)set_mount_attributes(copy.get(), MOUNT_ATTR_NODEV, 0);
  (void)set_mount_attributes(copy.get(), MOUNT_ATTR_NOSUID, 0);
  (void)set_mount_attributes(copy.get(), MOUNT_ATTR_NOSYMFOLLOW, 0);
  if (read_only) (void)set_mount_attributes(copy.get(), MOUNT_ATTR_RDONLY, 0);
  return copy;
}

}  // namespace

Result<Fd> open_base(const char *path, bool read_only) {
  Fd plain(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!plain) {
    int error = errno;
    return Status::failure(error, "cannot open the base directory '" + std::string(path) + "': " +
                                      strerror(error) + "; name an existing directory that you may search");
  }
  Fd copy = private_copy(path, read_only);
  struct stat a {
  }, b{};
  bool same = copy && fstat(plain.get(), &a) == 0 && fstat(copy.get(), &b) == 0 && a.st_dev == b.st_dev &&
              a.st_ino == b.st_ino;
  return same ? std::move(copy) : std::move(plain);
}

}  // namespace agentfense::sys
