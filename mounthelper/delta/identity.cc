#include "mounthelper/delta/identity.h"

#include <sys/stat.h>
#include <sys/statfs.h>

#include <charconv>
#include <cstring>

#include "mounthelper/delta/origins.h"

namespace agentfense::delta {
namespace {

constexpr std::string_view kVersion = "agentfense-delta 1\n";

// The value of the line that begins with `key`, which is taken off the text.
std::optional<std::string_view> take_line(std::string_view &text, std::string_view key) {
  size_t end = text.find('\n');
  if (end == std::string_view::npos || !text.starts_with(key)) return std::nullopt;
  std::string_view value = text.substr(key.size(), end - key.size());
  text.remove_prefix(end + 1);
  return value;
}

bool parse_number(std::string_view text, int base, uint64_t &number) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

sys::Result<Identity> identity_of(int base, const std::string &base_path) {
  struct stat info {};
  struct statfs filesystem {};
  if (fstat(base, &info) != 0 || fstatfs(base, &filesystem) != 0) return sys::errno_status();
  Identity identity{info.st_ino, 0, base_path};
  static_assert(sizeof filesystem.f_fsid == sizeof identity.base_filesystem);
  std::memcpy(&identity.base_filesystem, &filesystem.f_fsid, sizeof identity.base_filesystem);
  return identity;
}

std::string format_identity(const Identity &identity) {
  char filesystem[17];
  auto [end, error] = std::to_chars(filesystem, filesystem + sizeof filesystem, identity.base_filesystem, 16);
  (void)error;  // 16 digits hold every value
  std::string text(kVersion);
  text += "base-inode " + std::to_string(identity.base_inode) + "\n";
  text += "base-filesystem " + std::string(filesystem, end) + "\n";
  text += "base-path " + escape_path(identity.base_path) + "\n";
  return text;
}

std::optional<Identity> parse_identity(std::string_view text) {
  if (!text.starts_with(kVersion)) return std::nullopt;
  text.remove_prefix(kVersion.size());
  auto inode = take_line(text, "base-inode ");
  auto filesystem = take_line(text, "base-filesystem ");
  auto path = take_line(text, "base-path ");
  Identity identity;
  if (!inode || !filesystem || !path || !text.empty() || !parse_number(*inode, 10, identity.base_inode) ||
      !parse_number(*filesystem, 16, identity.base_filesystem)) {
    return std::nullopt;
  }
  identity.base_path = unescape_path(*path);
  return identity;
}

}  // namespace agentfense::delta
