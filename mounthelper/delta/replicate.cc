#include "mounthelper/delta/replicate.h"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "mounthelper/delta/copy.h"
#include "mounthelper/delta/format.h"
#include "mounthelper/sys/fd.h"
#include "mounthelper/sys/xattr_at.h"

namespace agentfense::delta {
namespace {

using sys::Status;

constexpr int kRead = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

std::string base_name_of(std::string_view upper_name) {
  return unescape_attribute(upper_name).value_or(std::string());
}

bool lets_others_in(std::string_view attribute) { return attribute == "system.posix_acl_access"; }

Status replicate_file(const FileAt &upper, int directory, const char *name, bool synced,
                      const std::function<void()> &pause) {
  sys::Fd from(openat(upper.directory, upper.name, kRead));
  if (!from) return sys::errno_status();
  struct stat info {};
  if (fstat(from.get(), &info) != 0) return sys::errno_status();
  if (info.st_ino != upper.info->st_ino) return Status::failure(ESTALE);
  sys::Fd to(openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!to) return sys::errno_status();
  pause();
  Status status = copy_data(from.get(), to.get(), info.st_size);
  pause();
  // Attributes may be no owner's to set any more when it is another's, and there may be no room for them.
  if (status.ok()) {
    status = copy_attributes(from.get(), to.get(), [](std::string_view attribute) {
      return lets_others_in(attribute) ? std::string() : base_name_of(attribute);
    });
  }
  if (status.ok()) status = copy_times(info, to.get());
  if (status.ok() && synced && fsync(to.get()) != 0) status = sys::errno_status();
  return status;
}

Status replicate_symlink(const FileAt &upper, int directory, const char *name) {
  sys::Result<std::string> target = read_link(upper.directory, upper.name);
  if (!target.ok()) return target.status();
  return symlinkat(target->c_str(), directory, name) == 0 ? Status() : sys::errno_status();
}

}  // namespace

Status replicate(const FileAt &upper, int directory, const char *name, bool synced,
                 const std::function<void()> &pause) {
  mode_t type = upper.info->st_mode & S_IFMT;
  if (type == S_IFREG) return replicate_file(upper, directory, name, synced, pause);
  Status status;
  if (type == S_IFLNK) {
    status = replicate_symlink(upper, directory, name);
  } else if (type == S_IFIFO || type == S_IFSOCK) {
    if (mknodat(directory, name, type | 0600, 0) != 0) status = sys::errno_status();
  } else {
    status = Status::failure(EPERM);
  }
  if (!status.ok()) return status;
  pause();
  sys::Fd to(openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!to) return sys::errno_status();
  return copy_times(*upper.info, to.get());
}

Status open_replica(const FileAt &upper, int directory, const char *name) {
  bool regular = S_ISREG(upper.info->st_mode);
  sys::Fd to(openat(directory, name, regular ? kRead : O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!to) return sys::errno_status();
  if (regular) {
    sys::Fd from(openat(upper.directory, upper.name, kRead));
    if (!from) return sys::errno_status();
    Status status = copy_attributes(from.get(), to.get(), [](std::string_view attribute) {
      return lets_others_in(attribute) ? std::string(attribute) : std::string();
    });
    if (!status.ok()) return status;
  }
  return copy_ownership(*upper.info, to.get());
}

Status take_attributes(int upper, int base) {
  struct stat info {};
  if (fstat(upper, &info) != 0) return sys::errno_status();
  for (const std::string &name : sys::attribute_names(base)) {
    if (!name.starts_with("user.") && !name.starts_with("system.posix_acl_")) continue;
    // What stays is overwritten below.
    if (fgetxattr(upper, escape_attribute(name).c_str(), nullptr, 0) >= 0 || errno != ENODATA) continue;
    if (fremovexattr(base, name.c_str()) != 0 && errno != ENODATA) return sys::errno_status();
  }
  Status status = copy_attributes(upper, base, base_name_of);
  if (status.ok()) status = copy_ownership(info, base);
  if (status.ok()) status = copy_times(info, base);
  return status;
}

sys::Result<bool> is_replica(const FileAt &base, const FileAt &upper) {
  if ((base.info->st_mode & S_IFMT) != (upper.info->st_mode & S_IFMT)) return false;
  if (S_ISDIR(base.info->st_mode)) return false;
  bool same_time = base.info->st_mtim.tv_sec == upper.info->st_mtim.tv_sec &&
                   base.info->st_mtim.tv_nsec == upper.info->st_mtim.tv_nsec;
  if (S_ISREG(base.info->st_mode) && !same_time) return false;
  return same_content(base, upper);
}

}  // namespace agentfense::delta
