#include "mounthelper/sys/xattr_at.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace agentfense::sys {
namespace {

constexpr long kSetxattrat = 463;
constexpr long kGetxattrat = 464;
constexpr long kRemovexattrat = 466;

struct XattrArguments {  // struct xattr_args of <linux/xattr.h>, Linux 6.13
  alignas(8) uint64_t value;
  uint32_t size;
  uint32_t flags;
};

bool is_unknown(int error) { return error == ENOSYS || error == EPERM; }

// A component of the kernel's own link: it names that directory and no other, whatever happens to paths.
std::string link_to(int directory, const char *name) {
  return "/proc/self/fd/" + std::to_string(directory) + "/" + name;
}

ssize_t get(int directory, const char *name, const char *attribute, char *buffer, size_t size) {
  XattrArguments arguments{reinterpret_cast<uint64_t>(buffer), static_cast<uint32_t>(size), 0};
  long got =
      syscall(kGetxattrat, directory, name, AT_SYMLINK_NOFOLLOW, attribute, &arguments, sizeof arguments);
  if (got >= 0 || !is_unknown(errno)) return got;
  return lgetxattr(link_to(directory, name).c_str(), attribute, buffer, size);
}

}  // namespace

Result<std::string> get_attribute_at(int directory, const char *name, const char *attribute) {
  char small[64];
  ssize_t got = get(directory, name, attribute, small, sizeof small);
  if (got >= 0) return std::string(small, static_cast<size_t>(got));
  while (errno == ERANGE) {
    ssize_t need = get(directory, name, attribute, nullptr, 0);
    if (need < 0) break;
    std::string value(static_cast<size_t>(need), '\0');
    got = get(directory, name, attribute, value.data(), value.size());
    if (got < 0) continue;  // it grew in between
    value.resize(static_cast<size_t>(got));
    return value;
  }
  return errno_status();
}

Status set_attribute_at(int directory, const char *name, const char *attribute, std::string_view value) {
  XattrArguments arguments{reinterpret_cast<uint64_t>(value.data()), static_cast<uint32_t>(value.size()), 0};
  if (syscall(kSetxattrat, directory, name, AT_SYMLINK_NOFOLLOW, attribute, &arguments, sizeof arguments) ==
      0)
    return {};
  if (!is_unknown(errno)) return errno_status();
  int result = lsetxattr(link_to(directory, name).c_str(), attribute, value.data(), value.size(), 0);
  return result == 0 ? Status() : errno_status();
}

Status remove_attribute_at(int directory, const char *name, const char *attribute) {
  if (syscall(kRemovexattrat, directory, name, AT_SYMLINK_NOFOLLOW, attribute) == 0) return {};
  if (!is_unknown(errno)) return errno_status();
  return lremovexattr(link_to(directory, name).c_str(), attribute) == 0 ? Status() : errno_status();
}

std::vector<std::string> attribute_names(int fd) {
  std::vector<char> list;
  ssize_t length = -1;
  do {
    length = flistxattr(fd, nullptr, 0);
    if (length <= 0) return {};
    list.resize(static_cast<size_t>(length));
    length = flistxattr(fd, list.data(), list.size());
  } while (length < 0 && errno == ERANGE);
  std::vector<std::string> names;
  for (ssize_t at = 0; at < length; at += static_cast<ssize_t>(names.back().size()) + 1) {
    names.emplace_back(list.data() + at);
  }
  return names;
}

}  // namespace agentfense::sys
