// Passthrough: lets the kernel read and write a large file of the base by itself, once it is open.
//
// All sandboxes over one base then share one page cache for it, and no read or write is asked. The
// open was decided before; a node's level never changes. Registering a file costs more than it gives on
// small ones, so only large ones are, once per node, until their last handle is gone.
// While a node is open one way, through the kernel's cache of the view or straight to the base, the
// kernel refuses to open it the other way: every open is counted here.
// Takes libfuse 3.17 (for the answer to an open), Linux 6.9 and CAP_SYS_ADMIN; where one is missing it does nothing. Threads: safe.
#pragma once

#include <atomic>
#include <mutex>
#include <unordered_map>

#include "mounthelper/view/node_table.h"

namespace agentfense::fuse {

class Passthrough {
 public:
  // At most once, before any open. connection: /dev/fuse, not owned.
  void enable(int connection) { connection_ = connection; }

  [[nodiscard]] bool enabled() const { return connection_ >= 0; }

  // An open of `fd` (a descriptor of the base file) is about to be answered. The id to answer with, or
  // 0 for the kernel's own cache. Each call is matched by one closed().
  // REQUIRES: the thread acts with the helper's own ids.
  [[nodiscard]] int opened(view::NodeId node, int fd, bool wanted);
  void closed(view::NodeId node);

 private:
  struct Use {
    size_t opens = 0;
    int backing = 0;
  };
  [[nodiscard]] int register_file(int fd);

  std::atomic<int> connection_{-1};
  bool works_ = false;  // under mutex_
  std::mutex mutex_;    // held over the registration, so that one node gets one id
  std::unordered_map<view::NodeId, Use> uses_;
};

}  // namespace agentfense::fuse
