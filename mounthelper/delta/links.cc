#include "mounthelper/delta/links.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "mounthelper/sys/beneath.h"
#include "mounthelper/sys/read_directory.h"

namespace agentfense::delta {

sys::Result<Links> find_links(int upper) {
  Links links;
  std::vector<std::string> directories = {""};
  while (!directories.empty()) {
    std::string path = std::move(directories.back());
    directories.pop_back();
    sys::Result<sys::Fd> place = sys::open_dir_beneath(upper, path);
    if (!place.ok()) return place.status();
    sys::Fd fd(openat(place->get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) return sys::errno_status();
    sys::Status status = sys::read_directory(fd.get(), [&](const sys::RawEntry &entry) {
      struct stat info {};
      if (fstatat(fd.get(), entry.name.data(), &info, AT_SYMLINK_NOFOLLOW) != 0) return;
      std::string below = path.empty() ? std::string(entry.name) : path + "/" + std::string(entry.name);
      if (S_ISDIR(info.st_mode)) {
        directories.push_back(std::move(below));
      } else if (info.st_nlink > 1) {
        links[info.st_ino].push_back(std::move(below));
      }
    });
    if (!status.ok()) return status;
  }
  for (auto &[number, names] : links) std::sort(names.begin(), names.end());
  return links;
}

}  // namespace agentfense::delta
