#include "mounthelper/delta/merged.h"

#include <dirent.h>
#include <fcntl.h>

#include <string>
#include <unordered_set>

#include "mounthelper/delta/format.h"
#include "mounthelper/sys/fd.h"
#include "mounthelper/view/attributes.h"

namespace agentfense::delta {
namespace {

using sys::Result;
using sys::Status;
using view::Layering;

bool stat_at(int directory, const char *name, struct stat &info) {
  return fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW) == 0;
}

Result<Found> look_in_upper(const MergedDir &directory, const char *name, uint64_t root_device,
                            const struct stat &info) {
  if (is_whiteout(info)) return Status::failure(ENOENT);
  Found found{info, {}};
  found.layering.layers = Layering::kUpper;
  if (S_ISDIR(info.st_mode) && directory.base >= 0) {
    Result<bool> opaque = is_opaque(directory.upper, name);
    // Without the right to read it nobody can tell, nor list it; whoever owns it must still be able to change that.
    if (!opaque.ok() && opaque.error() != EACCES) return opaque.status();
    struct stat below {};
    if (!(opaque.ok() && *opaque) && stat_at(directory.base, name, below) && S_ISDIR(below.st_mode)) {
      found.layering.layers |= Layering::kBase;
      found.layering.number = view::inode_in_view(below.st_dev, below.st_ino, root_device);
      return found;
    }
  }
  if (S_ISREG(info.st_mode) || S_ISDIR(info.st_mode))
    found.layering.number = origin_of(directory.upper, name);
  return found;
}

Result<sys::Fd> open_to_list(int directory) {
  sys::Fd fd(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return sys::errno_status();
  return fd;
}

uint64_t device_of(int fd) {
  struct stat info {};
  (void)fstat(fd, &info);
  return info.st_dev;
}

Result<Found> look_at(const MergedDir &directory, const char *name, uint64_t root_device) {
  struct stat info {};
  if (directory.upper >= 0) {
    if (stat_at(directory.upper, name, info)) return look_in_upper(directory, name, root_device, info);
    if (errno != ENOENT) return sys::errno_status();
  }
  if (directory.base < 0) return Status::failure(ENOENT);
  if (!stat_at(directory.base, name, info)) return sys::errno_status();
  if (is_whiteout(info)) return Status::failure(ENOENT);
  Found found{info, {}};
  found.layering.layers = Layering::kBase;
  // A copy-up takes one name away from the others: each is a file of its own from the start.
  found.layering.by_name = !S_ISDIR(info.st_mode) && info.st_nlink > 1;
  return found;
}

}  // namespace

Result<Found> look(const MergedDir &directory, const char *name, uint64_t root_device) {
  Result<Found> found = look_at(directory, name, root_device);
  if (!found.ok() || !found->layering.in_upper() || found->layering.number != 0) return found;
  mode_t mode = found->info.st_mode;
  if (S_ISREG(mode) || S_ISDIR(mode)) found->layering.number = origin_of(directory.upper, name);
  return found;
}

Result<Found> look_without_number(const MergedDir &directory, const char *name) {
  return look_at(directory, name, 0);
}

Status list(const MergedDir &directory, uint64_t root_device,
            const std::function<bool(std::string_view)> &wanted,
            const std::function<void(const sys::RawEntry &)> &each) {
  std::unordered_set<std::string> covered;
  bool merged = directory.upper >= 0 && directory.base >= 0;
  if (directory.upper >= 0) {
    Result<sys::Fd> upper = open_to_list(directory.upper);
    if (!upper.ok()) return upper.status();
    uint64_t device = device_of(upper->get());
    Status status = sys::read_directory(upper->get(), [&](const sys::RawEntry &entry) {
      if (!wanted(entry.name)) return;
      if (merged) covered.emplace(entry.name);
      sys::RawEntry shown = entry;
      struct stat info {};
      bool may_be_whiteout = entry.type == DT_CHR || entry.type == DT_UNKNOWN;
      if (may_be_whiteout) {
        if (!stat_at(directory.upper, entry.name.data(), info) || is_whiteout(info)) return;
        shown.type = static_cast<uint8_t>((info.st_mode & S_IFMT) >> 12);  // IFTODT
      }
      bool has_own_number = shown.type != DT_REG && shown.type != DT_DIR;
      shown.ino = has_own_number ? view::inode_in_view(device, entry.ino, root_device) : 0;
      each(shown);
    });
    if (!status.ok()) return status;
  }
  if (directory.base < 0) return {};
  Result<sys::Fd> base = open_to_list(directory.base);
  if (!base.ok()) return base.status();
  uint64_t device = device_of(base->get());
  return sys::read_directory(base->get(), [&](const sys::RawEntry &entry) {
    if (!wanted(entry.name) || (merged && covered.contains(std::string(entry.name)))) return;
    struct stat info {};
    bool may_be_whiteout = entry.type == DT_CHR || entry.type == DT_UNKNOWN;
    if (may_be_whiteout && stat_at(directory.base, entry.name.data(), info) && is_whiteout(info)) return;
    sys::RawEntry shown = entry;
    shown.ino = view::inode_in_view(device, entry.ino, root_device);
    each(shown);
  });
}

bool base_has(const MergedDir &directory, const char *name) {
  struct stat info {};
  return directory.base >= 0 && stat_at(directory.base, name, info);
}

}  // namespace agentfense::delta
