// Copy-up: a file of the base becomes one of the upper layer, before its first change.
//
// It is made whole out of sight, then given its name in one step, so that a crash leaves the old file or the new
// one and nothing else. Data goes to the disk before the name does (not in a volatile delta), since a name
// whose data is lost would be a loss of the base's content to the view.
// Threads: safe.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "mounthelper/delta/work.h"
#include "mounthelper/sys/fd.h"
#include "mounthelper/sys/status.h"

namespace agentfense::delta {

struct CopyRequest {
  int base_directory = -1;  // where the file stands
  const char *name = nullptr;
  int source = -1;          // instead of the two: the file, a regular one open for reading; not owned
  struct stat expected {};  // the very file; ESTALE where another has its name by now
  off_t keep = std::numeric_limits<off_t>::max();  // bytes of content that will be wanted; 0: none
  uint64_t number = 0;                             // origin number to note; 0: none
  bool sync = true;
};

// A copy that has no name in the upper layer yet. Removed with this where it never got one.
class Copy {
 public:
  Copy(Work &work, sys::Fd fd, std::string temporary, const struct stat &info)
      : work_(&work), fd_(std::move(fd)), temporary_(std::move(temporary)), info_(info) {}
  Copy(Copy &&other) noexcept;
  Copy &operator=(Copy &&) = delete;
  ~Copy();

  // Gives it the free name `name`; the directory's times stay. EEXIST where the name is taken.
  [[nodiscard]] sys::Status place(int upper_directory, const char *name);

  // A regular file: open for both. Others: O_PATH.
  [[nodiscard]] sys::Fd &fd() { return fd_; }
  [[nodiscard]] const struct stat &info() const { return info_; }  // the copy's
  // Somebody else sees to it from now on.
  [[nodiscard]] std::string take_temporary() { return std::exchange(temporary_, {}); }

 private:
  Work *work_;
  sys::Fd fd_;
  std::string temporary_;  // in work; empty: nameless, or placed
  struct stat info_;
};

// EPERM for a device node. A directory comes without its entries.
[[nodiscard]] sys::Result<Copy> copy_up(Work &work, const CopyRequest &request);

}  // namespace agentfense::delta
