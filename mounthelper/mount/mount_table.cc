#include "mounthelper/mount/mount_table.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "mounthelper/mount/attach.h"

namespace agentfense::mount {
namespace {

// mountinfo writes space, tab, newline and backslash as \ooo.
std::string unescape(const std::string &text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

}  // namespace

std::optional<std::string> mount_point_of(unsigned long long mount_id) {
  std::ifstream table("/proc/self/mountinfo");
  for (std::string line; std::getline(table, line);) {
    std::istringstream fields(line);
    unsigned long long id = 0;
    std::string parent, device, root, point;
    if (!(fields >> id >> parent >> device >> root >> point) || id != mount_id) continue;
    if (line.find(" - fuse.agentfense ") == std::string::npos) return std::nullopt;
    return unescape(point);
  }
  return std::nullopt;
}

unsigned long long mount_id_at(const std::string &path) {
  struct statx status {};
  if (statx(AT_FDCWD, path.c_str(), AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, STATX_MNT_ID, &status) != 0)
    return 0;
  return (status.stx_mask & STATX_MNT_ID) != 0 ? status.stx_mnt_id : 0;
}

}  // namespace agentfense::mount
