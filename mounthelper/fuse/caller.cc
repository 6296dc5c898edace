#include "mounthelper/fuse/caller.h"

#include <fcntl.h>

#include <algorithm>
#include <string>

namespace agentfense::fuse {
namespace {

constexpr int kUsualGroups = 32;

// A process that is gone, or in a space whose processes we cannot see, has no groups: less, not more.
std::vector<gid_t> groups_of(fuse_req_t request) {
  std::vector<gid_t> groups(kUsualGroups);
  int count = fuse_req_getgroups(request, kUsualGroups, groups.data());
  if (count > kUsualGroups) {
    groups.resize(static_cast<size_t>(count));
    count = std::min(count, fuse_req_getgroups(request, count, groups.data()));
  }
  groups.resize(static_cast<size_t>(std::max(count, 0)));
  return groups;
}

}  // namespace

ActAsCaller::ActAsCaller(fuse_req_t request, const View &view) {
  const fuse_ctx *caller = fuse_req_ctx(request);
  bool same = caller->uid == view.own_user && caller->gid == view.own_group;
  if (view.own_user != 0 || same) return;
  groups_ = groups_of(request);
  error_ =
      scope_.assume({caller->uid, caller->gid, groups_}, {view.own_user, view.own_group, view.own_groups})
          .error();
}

sys::Status may_write(fuse_req_t request, const View &view, int fd) {
  ActAsCaller caller(request, view);
  if (caller.error() != 0) return sys::Status::failure(caller.error());
  std::string own = "/proc/self/fd/" + std::to_string(fd);  // names that file and no other
  sys::Fd opened(open(own.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  return opened ? sys::Status() : sys::errno_status();
}

}  // namespace agentfense::fuse
