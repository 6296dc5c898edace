// FdCache: a bounded number of descriptors of recently used nodes.
//
// Nodes hold no descriptors, so a walk over a million files opens none to keep; this keeps the last
// few at hand. An entry that is pushed out while in use stays open until its last user lets go.
// Threads: safe.
#pragma once

#include <atomic>
#include <chrono>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "mounthelper/sys/fd.h"
#include "mounthelper/view/node_table.h"

namespace agentfense::fuse {

using Clock = std::chrono::steady_clock;

struct OpenFile {
  sys::Fd fd;
  bool readable = false;
  bool writable = false;
  // Its mode no longer lets us open it again for what it is open for; kept longer than others.
  std::atomic<bool> precious{false};
  // The base file carried set-id bits: they go before the first write, as they would natively.
  std::atomic<bool> strip_set_id{false};
  bool in_base = false;  // of a view with a delta: another file takes its place when it is copied up
  Clock::time_point opened = Clock::now();
};
using FileRef = std::shared_ptr<OpenFile>;

class FdCache {
 public:
  explicit FdCache(size_t capacity) : capacity_(capacity) {}

  [[nodiscard]] FileRef find(view::NodeId node);
  void put(view::NodeId node, FileRef file);  // replaces
  void drop(view::NodeId node);
  // Closes what was not used for `idle` (a precious entry: for a minute). True if some are left.
  bool close_idle(Clock::duration idle);

 private:
  struct Entry {
    view::NodeId node;
    FileRef file;
    Clock::time_point used;
  };
  void shrink();

  const size_t capacity_;
  std::mutex mutex_;
  std::list<Entry> entries_;  // most recently used first
  std::unordered_map<view::NodeId, std::list<Entry>::iterator> index_;
};

}  // namespace agentfense::fuse
