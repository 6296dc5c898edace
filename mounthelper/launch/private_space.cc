#include "mounthelper/launch/private_space.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "mounthelper/sys/fd.h"

namespace agentfense::launch {
namespace {

sys::Status write_file(const char *path, const std::string &text) {
  sys::Fd file(open(path, O_WRONLY | O_CLOEXEC));
  if (file && write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size())) return {};
  int error = errno;
  return sys::Status::failure(error, std::string("cannot write ") + path + ": " + std::strerror(error) +
                                         "; check what limits user namespaces on this host");
}

sys::Status map_own_ids(uid_t uid, gid_t gid) {
  std::string user = std::to_string(uid);
  std::string group = std::to_string(gid);
  if (sys::Status status = write_file("/proc/self/setgroups", "deny"); !status.ok()) return status;
  if (sys::Status status = write_file("/proc/self/uid_map", user + " " + user + " 1"); !status.ok())
    return status;
  return write_file("/proc/self/gid_map", group + " " + group + " 1");
}

sys::Status explain_refusal(int error) {
  std::string why = "the kernel gives this user no user and mount namespace of its own (";
  why += std::strerror(error);
  why +=
      "); as root, check that sysctl user.max_user_namespaces is above 0, kernel.unprivileged_userns_clone "
      "is 1 and "
      "kernel.apparmor_restrict_unprivileged_userns is 0, where they exist";
  return sys::Status::failure(error, why);
}

}  // namespace

sys::Result<Space> enter_private_space() {
  uid_t uid = geteuid();
  gid_t gid = getegid();
  Space space = Space::host_ids;
  if (uid != 0 || unshare(CLONE_NEWNS) != 0) {
    space = Space::own_ids;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return explain_refusal(errno);
    if (sys::Status status = map_own_ids(uid, gid); !status.ok()) return status;
  }
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    int error = errno;
    return sys::Status::failure(error, std::string("cannot make the new mount namespace private: ") +
                                           std::strerror(error) + "; check what limits mounts on this host");
  }
  return space;
}

}  // namespace agentfense::launch
