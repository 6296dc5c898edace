#include "mounthelper/delta/upper_walk.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "mounthelper/sys/beneath.h"
#include "mounthelper/sys/read_directory.h"

namespace agentfense::delta {
namespace {

using sys::Status;

Status list_names(int directory, std::vector<std::string> &names) {
  sys::Fd fd(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return sys::errno_status();
  Status status =
      sys::read_directory(fd.get(), [&](const sys::RawEntry &entry) { names.emplace_back(entry.name); });
  std::sort(names.begin(), names.end());
  return status;
}

}  // namespace

Status walk_upper(int upper, const std::function<Status(const UpperEntry &)> &each) {
  std::vector<std::string> directories = {""};
  while (!directories.empty()) {
    std::string path = std::move(directories.back());
    directories.pop_back();
    sys::Result<sys::Fd> place = sys::open_dir_beneath(upper, path);
    if (!place.ok()) return place.status();
    std::vector<std::string> names;
    if (Status status = list_names(place->get(), names); !status.ok()) return status;
    size_t first_below = directories.size();
    for (const std::string &name : names) {
      UpperEntry entry{path.empty() ? name : path + "/" + name, place->get(), name.c_str(), {}};
      if (fstatat(place->get(), name.c_str(), &entry.info, AT_SYMLINK_NOFOLLOW) != 0)
        return sys::errno_status();
      if (Status status = each(entry); !status.ok()) return status;
      if (S_ISDIR(entry.info.st_mode)) directories.push_back(std::move(entry.path));
    }
    std::reverse(directories.begin() + static_cast<ptrdiff_t>(first_below), directories.end());
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
