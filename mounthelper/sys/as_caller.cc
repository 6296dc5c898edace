#include "mounthelper/sys/as_caller.h"

#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>

namespace agentfense::sys {
namespace {

// glibc's setgroups() changes every thread of the process; the system call only this one.
bool set_groups(std::span<const gid_t> groups) {
  return syscall(SYS_setgroups, groups.size(), groups.data()) == 0;
}

// setfsuid and setfsgid report no failure: the value in force afterwards tells.
bool set_user(uid_t user) {
  setfsuid(user);
  return static_cast<uid_t>(setfsuid(static_cast<uid_t>(-1))) == user;
}

bool set_group(gid_t group) {
  setfsgid(group);
  return static_cast<gid_t>(setfsgid(static_cast<gid_t>(-1))) == group;
}

}  // namespace

Status AsCaller::assume(const Ids &caller, const Ids &own) {
  own_ = own;
  active_ = true;
  // The user comes last: leaving user 0 drops the capabilities over files.
  if (set_groups(caller.groups) && set_group(caller.group) && set_user(caller.user)) return {};
  restore();
  return Status::failure(EPERM);
}

void AsCaller::restore() {
  if (!active_) return;
  active_ = false;
  // A thread that stays somebody else would serve the next caller with the wrong rights.
  if (!set_user(own_.user) || !set_group(own_.group)) std::abort();
  (void)set_groups(own_.groups);
}

}  // namespace agentfense::sys
