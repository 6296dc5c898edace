#include "mounthelper/delta/changes.h"

#include <cstring>
#include <utility>

#include "mounthelper/delta/renames.h"
#include "mounthelper/delta/walk.h"

namespace agentfense::delta {

sys::Result<std::vector<Change>> list_changes(const Store &store, int base) {
  sys::Result<std::vector<Found>> found = walk_layers(store.upper.get(), base);
  if (!found.ok()) return found.status();
  sys::Result<Origins> origins = read_origins(store.meta.get());
  if (!origins.ok()) {
    return sys::Status::failure(origins.error(), std::string("cannot read meta/origins of the delta: ") +
                                                     std::strerror(origins.error()) +
                                                     "; run it as the user who made the delta, or as root");
  }
  if (sys::Status status = match_renames(*found, *origins, store.upper.get(), base); !status.ok())
    return status;
  std::vector<Change> changes;
  changes.reserve(found->size());
  for (Found &at : *found) changes.push_back(std::move(at.change));
  return changes;
}

}  // namespace agentfense::delta
