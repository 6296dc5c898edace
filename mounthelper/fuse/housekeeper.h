// Housekeeper: the thread for what no operation may do itself: telling the kernel to drop what it
// cached (which can wait for pages that other operations are serving), and closing what lies idle.
//
// It sleeps while there is nothing of either. Threads: safe.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "mounthelper/view/node_table.h"

namespace agentfense::fuse {

class Housekeeper {
 public:
  // invalidate: drops the kernel's pages and attributes of a node.
  // close_idle: called about once a second after wake(), until it returns false.
  Housekeeper(std::function<void(view::NodeId)> invalidate, std::function<bool()> close_idle);
  ~Housekeeper() { stop(); }
  Housekeeper(const Housekeeper &) = delete;
  Housekeeper &operator=(const Housekeeper &) = delete;

  void start();
  // Ends the thread; what is still queued is dropped, and what comes later is ignored.
  void stop();
  void invalidate(const std::vector<view::NodeId> &nodes);
  // Something was opened that may become idle. Cheap where the thread is ticking already.
  void wake();

 private:
  void run();

  std::function<void(view::NodeId)> invalidate_;
  std::function<bool()> close_idle_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<view::NodeId> queue_;
  std::atomic<bool> ticking_{false};
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace agentfense::fuse
