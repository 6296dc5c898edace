// ActAsCaller: for an operation that leaves a trace in the base, the thread acts with the ids of the
// process that asked, so that the base's own permissions count and new files belong to that process.
#pragma once

#include "mounthelper/fuse/low_level.h"
#include "mounthelper/fuse/view.h"
#include "mounthelper/sys/as_caller.h"

namespace agentfense::fuse {

class ActAsCaller {
 public:
  // Does nothing where the helper is not root or the caller's ids are its own.
  // error() is 0, or what to answer instead of acting.
  ActAsCaller(fuse_req_t request, const View &view);
  [[nodiscard]] int error() const { return error_; }

 private:
  std::vector<gid_t> groups_;
  sys::AsCaller scope_;
  int error_ = 0;
};

// Whether the caller may open for writing the file that fd, which is open, leads to.
[[nodiscard]] sys::Status may_write(fuse_req_t request, const View &view, int fd);

}  // namespace agentfense::fuse
