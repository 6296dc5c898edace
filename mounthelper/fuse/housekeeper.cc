#include "mounthelper/fuse/housekeeper.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace agentfense::fuse {
namespace {

constexpr std::chrono::seconds kTick(1);

}  // namespace

Housekeeper::Housekeeper(std::function<void(view::NodeId)> invalidate, std::function<bool()> close_idle)
    : invalidate_(std::move(invalidate)), close_idle_(std::move(close_idle)) {}

void Housekeeper::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Housekeeper::start() {
  thread_ = std::thread([this] { run(); });
}

void Housekeeper::invalidate(const std::vector<view::NodeId> &nodes) {
  if (nodes.empty()) return;
  {
    std::lock_guard lock(mutex_);
    for (view::NodeId node : nodes) {
      if (std::find(queue_.begin(), queue_.end(), node) == queue_.end()) queue_.push_back(node);
    }
  }
  changed_.notify_one();
}

void Housekeeper::wake() {
  if (ticking_.exchange(true)) return;
  // Taken so that the wake-up cannot fall between the thread's look and its sleep.
  { std::lock_guard lock(mutex_); }
  changed_.notify_one();
}

void Housekeeper::run() {
  auto next_tick = std::chrono::steady_clock::now() + kTick;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    auto pending = [this] { return stopping_ || !queue_.empty(); };
    if (ticking_) {
      changed_.wait_until(lock, next_tick, pending);
    } else {
      changed_.wait(lock, [&] { return pending() || ticking_; });
      next_tick = std::chrono::steady_clock::now() + kTick;
    }
    std::vector<view::NodeId> nodes = std::exchange(queue_, {});
    lock.unlock();
    for (view::NodeId node : nodes) invalidate_(node);
    if (ticking_ && std::chrono::steady_clock::now() >= next_tick) {
      // Cleared first: what is opened from here on wakes us again.
      ticking_ = false;
      if (close_idle_()) ticking_ = true;
      next_tick = std::chrono::steady_clock::now() + kTick;
    }
    lock.lock();
  }
}

}  // namespace agentfense::fuse
