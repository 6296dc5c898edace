#include "mounthelper/fuse/fd_cache.h"

#include <iterator>
#include <utility>

namespace agentfense::fuse {
namespace {

constexpr size_t kPreciousFactor = 4;  // how many times the capacity precious entries may take
constexpr Clock::duration kPreciousIdle = std::chrono::minutes(1);

}  // namespace

FileRef FdCache::find(view::NodeId node) {
  std::lock_guard lock(mutex_);
  auto found = index_.find(node);
  if (found == index_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  found->second->used = Clock::now();
  return found->second->file;
}

void FdCache::put(view::NodeId node, FileRef file) {
  FileRef former;  // closed after the lock is gone
  std::lock_guard lock(mutex_);
  auto found = index_.find(node);
  if (found != index_.end()) {
    entries_.splice(entries_.begin(), entries_, found->second);
    former = std::exchange(found->second->file, std::move(file));
    found->second->used = Clock::now();
    return;
  }
  entries_.push_front({node, std::move(file), Clock::now()});
  index_[node] = entries_.begin();
  shrink();
}

void FdCache::drop(view::NodeId node) {
  FileRef former;
  std::lock_guard lock(mutex_);
  auto found = index_.find(node);
  if (found == index_.end()) return;
  former = std::move(found->second->file);
  entries_.erase(found->second);
  index_.erase(found);
}

void FdCache::shrink() {
  size_t limit = capacity_;
  for (auto at = entries_.end(); entries_.size() > limit && at != entries_.begin();) {
    --at;
    if (at->file->precious && entries_.size() <= capacity_ * kPreciousFactor) continue;
    index_.erase(at->node);
    at = entries_.erase(at);
  }
}

bool FdCache::close_idle(Clock::duration idle) {
  std::list<Entry> closed;
  std::lock_guard lock(mutex_);
  Clock::time_point now = Clock::now();
  for (auto at = entries_.begin(); at != entries_.end();) {
    auto next = std::next(at);
    if (now - at->used >= (at->file->precious ? std::max(idle, kPreciousIdle) : idle)) {
      index_.erase(at->node);
      closed.splice(closed.end(), entries_, at);
    }
    at = next;
  }
  return !entries_.empty();
}

}  // namespace agentfense::fuse
