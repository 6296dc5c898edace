#include "mounthelper/delta/upper_walk.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "mounthelper/sys/beneath.h"
#include "mounthelper/sys/read_directory.h"

namespace agentfense::delta {
namespace {

using sys::Result;
using sys::Status;

constexpr size_t kOpenLevels = 32;  // the deepest so many directories keep their handles

struct Level {
  std::string path;
  sys::Fd handle;
  std::vector<std::string> names;
  size_t next = 0;
};

Result<Level> enter(int upper, std::string path) {
  Result<sys::Fd> handle = sys::open_dir_beneath(upper, path);
  if (!handle.ok()) return handle.status();
  sys::Fd fd(openat(handle->get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return sys::errno_status();
  Level level{std::move(path), std::move(*handle), {}, 0};
  Status status = sys::read_directory(
      fd.get(), [&](const sys::RawEntry &entry) { level.names.emplace_back(entry.name); });
  if (!status.ok()) return status;
  std::sort(level.names.begin(), level.names.end());
  return level;
}

}  // namespace

Status walk_upper(int upper, const std::function<Status(const UpperEntry &)> &each) {
  std::vector<Level> levels;
  Result<Level> root = enter(upper, "");
  if (!root.ok()) return root.status();
  levels.push_back(std::move(*root));
  while (!levels.empty()) {
    Level &level = levels.back();
    if (level.next == level.names.size()) {
      levels.pop_back();
      continue;
    }
    if (!level.handle) {
      Result<sys::Fd> again = sys::open_dir_beneath(upper, level.path);
      if (!again.ok()) return again.status();
      level.handle = std::move(*again);
    }
    std::string name = std::move(level.names[level.next++]);
    UpperEntry entry{
        level.path.empty() ? name : level.path + "/" + name, level.handle.get(), name.c_str(), {}};
    if (fstatat(entry.directory, entry.name, &entry.info, AT_SYMLINK_NOFOLLOW) != 0)
      return sys::errno_status();
    if (Status status = each(entry); !status.ok()) return status;
    if (!S_ISDIR(entry.info.st_mode)) continue;
    Result<Level> below = enter(upper, std::move(entry.path));
    if (!below.ok()) return below.status();
    levels.push_back(std::move(*below));
    if (levels.size() > kOpenLevels) levels[levels.size() - 1 - kOpenLevels].handle.reset();
  }
  return {};
}

sys::Result<Links> find_links(int upper) {
  Links links;
  Status status = walk_upper(upper, [&](const UpperEntry &entry) {
    if (!S_ISDIR(entry.info.st_mode) && entry.info.st_nlink > 1)
      links[entry.info.st_ino].push_back(entry.path);
    return Status();
  });
  if (!status.ok()) return status;
  for (auto &[number, names] : links) std::sort(names.begin(), names.end());
  return links;
}

}  // namespace agentfense::delta
