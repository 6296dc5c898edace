#include "mounthelper/delta/compare.h"

#include <fcntl.h>
#include <linux/limits.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mounthelper/delta/format.h"
#include "mounthelper/sys/fd.h"
#include "mounthelper/sys/xattr_at.h"

namespace agentfense::delta {
namespace {

using sys::Result;

constexpr off_t kBuffer = 128 * 1024;

// Not blocking: what was a regular file a moment ago may be a FIFO by now.
sys::Fd open_to_read(const FileAt &file) {
  return sys::Fd(
      openat(file.directory, file.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

// Bytes read, fewer than asked for only at the end.
ssize_t read_full(int fd, std::vector<char> &buffer, off_t offset) {
  size_t have = 0;
  while (have < buffer.size()) {
    ssize_t got = pread(fd, buffer.data() + have, buffer.size() - have, offset + static_cast<off_t>(have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    have += static_cast<size_t>(got);
  }
  return static_cast<ssize_t>(have);
}

// Where the next bytes are that are no hole, at or after offset; offset itself where the file system does not say.
off_t next_data(int fd, off_t offset, off_t size) {
  off_t data = lseek(fd, offset, SEEK_DATA);
  if (data < 0) return errno == ENXIO ? size : offset;
  return data;
}

Result<bool> same_bytes(int base, int upper, off_t size) {
  std::vector<char> left(static_cast<size_t>(std::min<off_t>(size, kBuffer)));
  std::vector<char> right(left.size());
  // A hole of both needs no reading: a sparse file of terabytes costs what it holds.
  for (off_t at = 0; at < size; at += static_cast<off_t>(left.size())) {
    at = std::min(next_data(base, at, size), next_data(upper, at, size));
    ssize_t a = read_full(base, left, at);
    ssize_t b = a < 0 ? -1 : read_full(upper, right, at);
    if (b < 0) return sys::errno_status();
    if (a != b || std::memcmp(left.data(), right.data(), static_cast<size_t>(a)) != 0) return false;
  }
  return true;
}

bool same_time(const timespec &a, const timespec &b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

Result<bool> same_file(const FileAt &base, const FileAt &upper) {
  if (base.info->st_size != upper.info->st_size) return false;
  if (base.info->st_size == 0) return true;
  sys::Fd left = open_to_read(base);
  sys::Fd right = left ? open_to_read(upper) : sys::Fd();
  if (!right && errno == EACCES) return same_time(base.info->st_mtim, upper.info->st_mtim);
  if (!right) return sys::errno_status();
  return same_bytes(left.get(), right.get(), base.info->st_size);
}

// The name under which an attribute counts, none where it does not.
std::optional<std::string> counted_name(std::string_view name, bool in_upper) {
  if (name.starts_with("system.posix_acl_")) return std::string(name);
  if (!name.starts_with("user.")) return std::nullopt;
  return in_upper ? unescape_attribute(name) : std::string(name);
}

std::map<std::string, std::string> attributes_of(int fd, bool in_upper) {
  std::map<std::string, std::string> result;
  std::vector<char> value;
  for (const std::string &name : sys::attribute_names(fd)) {
    std::optional<std::string> counted = counted_name(name, in_upper);
    if (!counted) continue;
    value.resize(XATTR_SIZE_MAX);
    ssize_t got = fgetxattr(fd, name.c_str(), value.data(), value.size());
    if (got >= 0) result[*counted].assign(value.data(), static_cast<size_t>(got));
  }
  return result;
}

// Only these two types can have attributes that count.
bool same_extended(const FileAt &base, const FileAt &upper) {
  if (!S_ISREG(base.info->st_mode) && !S_ISDIR(base.info->st_mode)) return true;
  sys::Fd left = open_to_read(base);
  sys::Fd right = open_to_read(upper);
  if (!left || !right) return true;
  return attributes_of(left.get(), false) == attributes_of(right.get(), true);
}

// Files that an ordinary user's view copies up become that user's: nobody changed their owner.
bool same_owner(const struct stat &base, const struct stat &upper) {
  if (base.st_uid == upper.st_uid && base.st_gid == upper.st_gid) return true;
  bool taken_over = geteuid() != 0 && upper.st_uid == geteuid();
  return taken_over && (upper.st_gid == base.st_gid || upper.st_gid == getegid());
}

}  // namespace

Result<std::string> read_link(int directory, const char *name) {
  std::string target(256, '\0');
  for (;;) {
    ssize_t length = readlinkat(directory, name, target.data(), target.size());
    if (length < 0) return sys::errno_status();
    if (static_cast<size_t>(length) < target.size()) {
      target.resize(static_cast<size_t>(length));
      return target;
    }
    target.resize(target.size() * 2);
  }
}

Result<bool> same_content(const FileAt &base, const FileAt &upper) {
  mode_t mode = base.info->st_mode;
  if (S_ISREG(mode)) return same_file(base, upper);
  if (S_ISLNK(mode)) {
    Result<std::string> left = read_link(base.directory, base.name);
    if (!left.ok()) return left.status();
    Result<std::string> right = read_link(upper.directory, upper.name);
    if (!right.ok()) return right.status();
    return *left == *right;
  }
  if (S_ISCHR(mode) || S_ISBLK(mode)) return base.info->st_rdev == upper.info->st_rdev;
  return true;
}

bool same_attributes(const FileAt &base, const FileAt &upper) {
  const struct stat &left = *base.info;
  const struct stat &right = *upper.info;
  return left.st_mode == right.st_mode && same_owner(left, right) && same_extended(base, upper);
}

}  // namespace agentfense::delta
