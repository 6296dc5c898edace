// AsCaller: the calling thread acts with another user's ids on files, until the object goes.
//
// Threads: file system ids and groups are a thread's own here (raw system calls), so other threads
// are not touched.
#pragma once

#include <sys/types.h>

#include <span>

#include "mounthelper/sys/status.h"

namespace agentfense::sys {

struct Ids {
  uid_t user = 0;
  gid_t group = 0;
  std::span<const gid_t> groups;  // supplementary; must outlive the AsCaller
};

class AsCaller {
 public:
  AsCaller() = default;
  // own: what to return to. REQUIRES: the thread holds CAP_SETUID and CAP_SETGID, or assume() fails.
  // On failure the thread is back at its own ids.
  [[nodiscard]] Status assume(const Ids &caller, const Ids &own);
  AsCaller(const AsCaller &) = delete;
  AsCaller &operator=(const AsCaller &) = delete;
  ~AsCaller() { restore(); }

 private:
  void restore();
  Ids own_;
  bool active_ = false;
};

}  // namespace agentfense::sys
