// Charge: counts what one change of a file's content takes of the delta's limit, from its making to its end.
//
// Without a limit it does nothing.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "mounthelper/fuse/view.h"

namespace agentfense::fuse {

class Charge {
 public:
  // fd outlives this.
  Charge(View &view, int fd) : usage_(view.usage), fd_(fd) {
    if (usage_.limited()) before_ = held();
  }
  Charge(const Charge &) = delete;
  Charge &operator=(const Charge &) = delete;
  ~Charge() {
    if (usage_.limited()) usage_.changed(held() - before_);
  }

  // ENOSPC where writing `size` bytes at `offset` would pass the limit. A file that holds as many bytes as its
  // new end takes no more, but for what is written into its holes: at the limit it is asked for them.
  [[nodiscard]] sys::Status room_for(off_t offset, size_t size) {
    if (!usage_.limited()) return {};
    off_t end = offset + static_cast<off_t>(size);
    off_t more = std::clamp<off_t>(end - before_, 0, static_cast<off_t>(size));
    sys::Status room = usage_.room_for(more > 0 ? static_cast<uint64_t>(more) : size);
    return room.ok() || is_there(offset, end) ? sys::Status() : room;
  }

 private:
  [[nodiscard]] bool is_there(off_t offset, off_t end) const {
    off_t hole = lseek(fd_, offset, SEEK_HOLE);
    return hole >= end;
  }

  [[nodiscard]] int64_t held() const {
    struct stat info {};
    return fstat(fd_, &info) == 0 ? info.st_blocks * 512 : 0;
  }

  delta::Usage &usage_;
  int fd_;
  int64_t before_ = 0;
};

}  // namespace agentfense::fuse
