#include "mounthelper/fuse/listings.h"

#include <utility>

namespace agentfense::fuse {
namespace {

constexpr size_t kEntries = 8;
constexpr std::chrono::seconds kMaxAge(2);

}  // namespace

std::shared_ptr<const view::Listing> Listings::find(view::NodeId directory) {
  std::lock_guard lock(mutex_);
  auto now = std::chrono::steady_clock::now();
  for (const Entry &entry : entries_) {
    if (entry.directory == directory) return now - entry.made < kMaxAge ? entry.listing : nullptr;
  }
  return nullptr;
}

void Listings::put(view::NodeId directory, std::shared_ptr<const view::Listing> listing) {
  std::lock_guard lock(mutex_);
  entries_.remove_if([&](const Entry &entry) { return entry.directory == directory; });
  entries_.push_front({directory, std::move(listing), std::chrono::steady_clock::now()});
  if (entries_.size() > kEntries) entries_.pop_back();
}

bool Listings::close_idle() {
  std::lock_guard lock(mutex_);
  auto now = std::chrono::steady_clock::now();
  entries_.remove_if([&](const Entry &entry) { return now - entry.made >= kMaxAge; });
  return !entries_.empty();
}

}  // namespace agentfense::fuse
