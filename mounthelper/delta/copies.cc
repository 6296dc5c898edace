#include "mounthelper/delta/copies.h"

#include <fcntl.h>

#include "mounthelper/delta/format.h"
#include "mounthelper/delta/paths.h"
#include "mounthelper/delta/upper_walk.h"
#include "mounthelper/sys/beneath.h"

namespace agentfense::delta {

sys::Result<std::vector<Copy>> find_copies(int upper, int base,
                                           const std::unordered_set<std::string> &changed) {
  std::vector<Copy> copies;
  std::string parent;  // whose handle of the base `below` is
  sys::Fd below;
  sys::Status status = walk_upper(upper, [&](const UpperEntry &entry) {
    if (changed.count(entry.path) != 0) return sys::Status();
    std::string_view directory = parent_of(entry.path);
    if (!below || directory != parent) {
      sys::Result<sys::Fd> opened = sys::open_dir_beneath(base, directory);
      below = opened.ok() ? std::move(*opened) : sys::Fd();
      parent = directory;
    }
    Copy copy{entry.path, {}, entry.info};
    bool there = below && fstatat(below.get(), entry.name, &copy.before, AT_SYMLINK_NOFOLLOW) == 0;
    if (is_whiteout(entry.info)) {
      copy.before = copy.after;
      if (!there) copies.push_back(std::move(copy));
      return sys::Status();
    }
    if (there && (copy.before.st_mode & S_IFMT) == (copy.after.st_mode & S_IFMT))
      copies.push_back(std::move(copy));
    return sys::Status();
  });
  if (!status.ok()) return status;
  return copies;
}

}  // namespace agentfense::delta
