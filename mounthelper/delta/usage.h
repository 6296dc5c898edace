// Usage: how much a delta holds, against the limit of delta-size=.
//
// Counted as it changes, so that an operation costs one comparison; the sum is taken anew by a walk when the
// limit seems reached, since what was deleted while open is not seen to go. A delta's size is the blocks of
// every file in upper, of hard links once, and kEntry bytes for each name.
// Threads: safe.
#pragma once

#include <sys/statvfs.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>

#include "mounthelper/sys/status.h"

namespace agentfense::delta {

class Usage {
 public:
  static constexpr int64_t kEntry = 512;

  // upper: any handle, not owned, outlives this. limit: bytes; 0 is none, and then nothing is counted.
  // unnamed: bytes of the files that have lost their last name and are still open; a walk does not see them, and
  // without it a process could go past the limit with files that it deletes while it writes them.
  Usage(int upper, uint64_t limit, std::function<int64_t()> unnamed = {});

  [[nodiscard]] bool limited() const { return limit_ != 0; }
  // ENOSPC where `bytes` more would pass the limit. Does not count them: changed() does, once they are there.
  [[nodiscard]] sys::Status room_for(uint64_t bytes);
  void changed(int64_t bytes) {
    if (limited()) used_ += bytes;
  }
  // What statfs shows: the smaller of the limit's room and the file system's.
  void apply_to(struct statvfs &info) const;

 private:
  [[nodiscard]] bool fits(uint64_t bytes) const;
  [[nodiscard]] uint64_t used() const;
  void count_anew();

  const int upper_;
  const uint64_t limit_;
  const std::function<int64_t()> unnamed_;
  std::atomic<int64_t> used_{0};
  std::mutex mutex_;
  std::chrono::steady_clock::time_point next_count_;  // under mutex_
};

}  // namespace agentfense::delta
