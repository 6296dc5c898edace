// Work: the delta's directory for what is not finished; what is left there by a crash is removed at the next
// opening. Threads: safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

#include "mounthelper/sys/status.h"

namespace agentfense::delta {

class Work {
 public:
  // directory: O_PATH handle, not owned, on the file system of the upper layer.
  explicit Work(int directory) : directory_(directory) {}

  [[nodiscard]] int directory() const { return directory_; }
  // A name that no other temporary of this process has.
  [[nodiscard]] std::string new_name() { return "#" + std::to_string(next_++); }

  // Makes a whiteout at a free name. All are links of one file, as overlayfs makes them: a removal then takes no
  // new inode, which on ext4 costs the more the more files were deleted before.
  [[nodiscard]] sys::Status make_whiteout(int directory, const char *name);

 private:
  const int directory_;
  std::atomic<uint64_t> next_{0};
  std::mutex mutex_;
  std::string whiteout_;  // under mutex_; in the directory; empty: none yet
};

}  // namespace agentfense::delta
