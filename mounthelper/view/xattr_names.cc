#include "mounthelper/view/xattr_names.h"

#include <cerrno>

namespace agentfense::view {
namespace {

enum class Kind { user, reserved, unknown };

// user.overlay.* is how overlayfs marks whiteouts and opaque directories: nothing that a process
// writes may be taken for one.
Kind kind_of(std::string_view name) {
  if (name.starts_with("user.overlay.")) return Kind::reserved;
  if (name.starts_with("user.")) return Kind::user;
  if (name.starts_with("trusted.") || name.starts_with("security.")) return Kind::reserved;
  return Kind::unknown;
}

int decide_xattr(std::string_view name, int reserved) {
  switch (kind_of(name)) {
    case Kind::user:
      return 0;
    case Kind::reserved:
      return reserved;
    case Kind::unknown:
      return EOPNOTSUPP;
  }
  return EOPNOTSUPP;
}

}  // namespace

int decide_xattr_read(std::string_view name) { return decide_xattr(name, ENODATA); }

int decide_xattr_change(std::string_view name) { return decide_xattr(name, EPERM); }

std::vector<char> filter_xattr_list(std::string_view list) {
  std::vector<char> kept;
  while (!list.empty()) {
    size_t end = list.find('\0');
    if (end == std::string_view::npos) break;
    std::string_view name = list.substr(0, end);
    if (kind_of(name) == Kind::user) kept.insert(kept.end(), list.begin(), list.begin() + end + 1);
    list.remove_prefix(end + 1);
  }
  return kept;
}

}  // namespace agentfense::view
