#include "mounthelper/delta/format.h"

#include <sys/xattr.h>

#include <charconv>

#include "mounthelper/sys/xattr_at.h"

namespace agentfense::delta {
namespace {

constexpr const char *kOpaque = "user.overlay.opaque";
constexpr const char *kOrigin = "user.overlay.agentfense.origin";
constexpr std::string_view kEscaped = "user.overlay.overlay.";

}  // namespace

sys::Status make_whiteout(int directory, const char *name) {
  return mknodat(directory, name, S_IFCHR, makedev(0, 0)) == 0 ? sys::Status() : sys::errno_status();
}

sys::Result<bool> is_opaque(int directory, const char *name) {
  sys::Result<std::string> mark = sys::get_attribute_at(directory, name, kOpaque);
  if (mark.ok()) return *mark == "y";
  if (mark.error() == ENODATA) return false;
  return mark.status();
}

sys::Status set_opaque(int directory, const char *name) {
  return sys::set_attribute_at(directory, name, kOpaque, "y");
}

sys::Status clear_opaque(int directory, const char *name) {
  return sys::remove_attribute_at(directory, name, kOpaque);
}

uint64_t origin_of(int directory, const char *name) {
  sys::Result<std::string> text = sys::get_attribute_at(directory, name, kOrigin);
  uint64_t number = 0;
  if (!text.ok()) return 0;
  auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  return error == std::errc() && end == text->data() + text->size() ? number : 0;
}

void note_origin(int directory, const char *name, uint64_t base_inode) {
  (void)sys::set_attribute_at(directory, name, kOrigin, std::to_string(base_inode));
}

void note_origin(int fd, uint64_t base_inode) {
  std::string text = std::to_string(base_inode);
  (void)fsetxattr(fd, kOrigin, text.data(), text.size(), 0);
}

std::string escape_attribute(std::string_view base_name) {
  if (!base_name.starts_with(kPrivatePrefix)) return std::string(base_name);
  return std::string(kEscaped).append(base_name.substr(kPrivatePrefix.size()));
}

std::optional<std::string> unescape_attribute(std::string_view upper_name) {
  if (upper_name.starts_with(kEscaped)) {
    return std::string(kPrivatePrefix).append(upper_name.substr(kEscaped.size()));
  }
  if (upper_name.starts_with(kPrivatePrefix)) return std::nullopt;
  return std::string(upper_name);
}

}  // namespace agentfense::delta
