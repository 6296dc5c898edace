// Listings: directory listings between the calls that read one directory piece by piece.
//
// Only a continuation is served from here; a reader who starts anew gets a fresh listing. What was
// removed since may still be listed to a reader under way, as POSIX allows. Threads: safe.
#pragma once

#include <chrono>
#include <list>
#include <memory>
#include <mutex>

#include "mounthelper/view/listing.h"
#include "mounthelper/view/node_table.h"

namespace agentfense::fuse {

class Listings {
 public:
  // Null where there is none of the last few seconds.
  [[nodiscard]] std::shared_ptr<const view::Listing> find(view::NodeId directory);
  void put(view::NodeId directory, std::shared_ptr<const view::Listing> listing);  // replaces
  bool close_idle();  // drops old ones; true if some are left

 private:
  struct Entry {
    view::NodeId directory;
    std::shared_ptr<const view::Listing> listing;
    std::chrono::steady_clock::time_point made;
  };
  std::mutex mutex_;
  std::list<Entry> entries_;  // newest first
};

}  // namespace agentfense::fuse
