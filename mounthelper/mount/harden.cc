#include "mounthelper/mount/harden.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

namespace agentfense::mount {
namespace {

constexpr uint64_t bit(int capability) { return uint64_t{1} << capability; }

// What serving several users as root takes. The kernel has checked a caller's rights by mode bits, and the server
// acts with the caller's ids (SETUID, SETGID); the others are for what a caller with these capabilities does
// itself. SYS_ADMIN stays because the kernel asks for it each time a backing file is registered for
// passthrough, and for the unmount at the end. MKNOD goes: a view never makes a device node.
constexpr uint64_t kServerPowers = bit(CAP_CHOWN) | bit(CAP_DAC_OVERRIDE) | bit(CAP_DAC_READ_SEARCH) |
                                   bit(CAP_FOWNER) | bit(CAP_FSETID) | bit(CAP_SETUID) | bit(CAP_SETGID) |
                                   bit(CAP_SYS_ADMIN);

sys::Status failed(const char *what) {
  int error = errno;
  return sys::Status::failure(error, std::string("cannot give up ") + what + ": " + std::strerror(error) +
                                         "; check what limits this process, such as a seccomp filter");
}

sys::Status keep_only(uint64_t wanted) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2] = {};
  if (syscall(SYS_capget, &header, sets) != 0) return failed("capabilities");
  uint64_t permitted = sets[0].permitted | uint64_t{sets[1].permitted} << 32;
  if ((permitted & bit(CAP_SETPCAP)) != 0) {
    for (int capability = 0; capability < 64; ++capability) {
      if ((wanted & bit(capability)) != 0) continue;
      if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno == EINVAL) break;  // beyond the last one
    }
  }
  uint64_t kept = permitted & wanted;
  sets[0] = {static_cast<uint32_t>(kept), static_cast<uint32_t>(kept), 0};
  sets[1] = {static_cast<uint32_t>(kept >> 32), static_cast<uint32_t>(kept >> 32), 0};
  if (syscall(SYS_capset, &header, sets) != 0) return failed("capabilities");
  return {};
}

}  // namespace

sys::Status harden(Powers powers, bool no_new_privileges) {
  if (sys::Status status = keep_only(powers == Powers::server_for_all ? kServerPowers : 0); !status.ok())
    return status;
  if (no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed("new privileges");
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return failed("being traced");
  rlimit none{0, 0};
  if (setrlimit(RLIMIT_CORE, &none) != 0) return failed("core files");
  return {};
}

}  // namespace agentfense::mount
