#include "mounthelper/delta/probe.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>

#include "mounthelper/delta/format.h"
#include "mounthelper/sys/fd.h"
#include "mounthelper/sys/remove_tree.h"
#include "mounthelper/sys/xattr_at.h"

namespace agentfense::delta {
namespace {

using sys::Status;

constexpr const char *kPlace = "#probe";
constexpr const char *kAttribute = "user.overlay.agentfense.probe";
constexpr size_t kRoom = 4096;  // a block: small files may need none

Status cannot_keep(int error, const std::string &what) {
  return Status::failure(error, "its file system has no " + what + " (" + std::strerror(error) +
                                    "); choose a directory on ext4, xfs, btrfs, or tmpfs of Linux 6.6");
}

// What no file system refuses for want of the feature says more about the disk than about the delta.
Status lacks(const Status &status, const std::string &what) {
  int error = status.error();
  if (error == ENOSPC || error == EDQUOT || error == EROFS || error == EACCES || error == EIO)
    return explain(error, "write to it");
  return cannot_keep(error, what);
}

Status keeps_attribute(int place, const char *name, const char *kind) {
  if (Status status = sys::set_attribute_at(place, name, kAttribute, "y"); !status.ok()) {
    return lacks(status, std::string("attributes user.* on ") + kind);
  }
  sys::Result<std::string> back = sys::get_attribute_at(place, name, kAttribute);
  if (back.ok() && *back == "y") return {};
  return cannot_keep(back.ok() ? EIO : back.error(), std::string("attributes user.* on ") + kind);
}

bool is_whiteout_at(int place, const char *name) {
  struct stat info {};
  return fstatat(place, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && is_whiteout(info);
}

Status probe_in(int place) {
  {
    sys::Fd file(openat(place, "file", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) return explain(errno, "make a file in it");
    std::array<char, kRoom> block{};
    if (write(file.get(), block.data(), block.size()) != static_cast<ssize_t>(block.size())) {
      return explain(errno, "write to it");
    }
  }
  if (mkdirat(place, "directory", 0700) != 0) return explain(errno, "make a directory in it");
  if (Status status = keeps_attribute(place, "file", "files"); !status.ok()) return status;
  if (Status status = keeps_attribute(place, "directory", "directories"); !status.ok()) return status;

  Status made = make_whiteout(place, "whiteout");
  if (!made.ok()) return lacks(made, "whiteouts (character devices 0/0)");
  if (!is_whiteout_at(place, "whiteout")) return cannot_keep(EIO, "whiteouts (character devices 0/0)");
  if (renameat2(place, "file", place, "moved", RENAME_WHITEOUT) != 0) {
    return lacks(sys::errno_status(), "RENAME_WHITEOUT");
  }
  if (!is_whiteout_at(place, "file")) return cannot_keep(EIO, "RENAME_WHITEOUT");
  if (renameat2(place, "whiteout", place, "moved", RENAME_EXCHANGE) != 0) {
    return lacks(sys::errno_status(), "RENAME_EXCHANGE");
  }
  if (!is_whiteout_at(place, "moved")) return cannot_keep(EIO, "RENAME_EXCHANGE");
  return {};
}

}  // namespace

Status explain(int error, const std::string &what) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return Status::failure(error, std::string("there is no room for it (") + std::strerror(error) +
                                        "); free some, or choose another disk");
    case EROFS:
      return Status::failure(error, "its file system is read-only; choose another, or mount the delta ro");
    case EACCES:
    case EPERM:
      return Status::failure(error, "the caller may not " + what + " (" + std::strerror(error) +
                                        "); check owner and mode of it and of what is in it");
    default:
      return Status::failure(error, "cannot " + what + ": " + std::strerror(error) + "; check its disk");
  }
}

Status probe(int work) {
  if (Status status = sys::remove_tree(work, kPlace); !status.ok()) {
    return explain(status.error(), "empty its work directory");
  }
  if (mkdirat(work, kPlace, 0700) != 0) return explain(errno, "write to it");
  sys::Fd place(openat(work, kPlace, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  Status status = place ? probe_in(place.get()) : explain(errno, "write to it");
  place.reset();
  Status removed = sys::remove_tree(work, kPlace);
  if (status.ok() && !removed.ok()) return explain(removed.error(), "empty its work directory");
  return status;
}

}  // namespace agentfense::delta
