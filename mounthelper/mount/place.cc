#include "mounthelper/mount/place.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <cstring>

#include "mounthelper/sys/below.h"

namespace agentfense::mount {

sys::Result<MountPlace> open_place(const std::string &dir, int base_fd, const std::string &base) {
  MountPlace place;
  place.fd = sys::Fd(open(dir.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!place.fd) {
    int error = errno;
    std::string why = error == ENOENT    ? "there is no such directory; create it first"
                      : error == ENOTDIR ? "it is not a directory; name one"
                                         : std::string(std::strerror(error)) + "; check the path";
    return sys::Status::failure(error, "cannot mount on " + dir + ": " + why);
  }
  char path[PATH_MAX];
  std::string link = "/proc/self/fd/" + std::to_string(place.fd.get());
  ssize_t length = readlink(link.c_str(), path, sizeof path);
  if (length <= 0 || length == static_cast<ssize_t>(sizeof path)) {
    return sys::Status::failure(
        errno == 0 ? ENAMETOOLONG : errno,
        "cannot mount on " + dir + ": its path cannot be resolved; check that /proc is mounted");
  }
  place.path.assign(path, static_cast<size_t>(length));

  struct stat base_status {};
  if (fstat(base_fd, &base_status) != 0) return sys::errno_status();
  auto below = sys::is_below(place.fd.get(), base_status);
  if (!below.ok()) {
    return sys::Status::failure(below.error(), "cannot mount on " + dir + ": " +
                                                   std::strerror(below.error()) +
                                                   " on the way up from it; check the directories above it");
  }
  if (*below) {
    return sys::Status::failure(
        ELOOP, "cannot mount on " + dir + ": it lies inside the base " + base +
                   ", so the view would show itself inside itself; choose a directory outside, "
                   "or the base itself");
  }
  return place;
}

sys::Status check_apart(const MountPlace &place, const std::string &delta) {
  sys::Fd top(open(delta.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct stat dir {
  }, info{};
  if (!top || fstat(place.fd.get(), &dir) != 0 || fstat(top.get(), &info) != 0) return {};
  sys::Result<bool> below = sys::is_below(place.fd.get(), info);
  if (!sys::same_file(dir, info) && (!below.ok() || !*below)) return {};
  return sys::Status::failure(ELOOP, "cannot mount on " + place.path + ": it is the delta " + delta +
                                         " or lies inside it; choose a directory outside");
}

}  // namespace agentfense::mount
