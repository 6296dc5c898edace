// Walk: the differences between an upper layer and its base, path by path, before moves are told from
// deletions and creations. Made for changes.cc.
#pragma once

#include <cstdint>
#include <vector>

#include "mounthelper/delta/changes.h"
#include "mounthelper/sys/status.h"

namespace agentfense::delta {

struct Found {
  Change change;
  uint64_t origin = 0;  // of what is added where the base has nothing: the number of format.h, origin_of
};

// In the order of changes.h; kinds added, changed, metadata and deleted. Bounded descriptors and no recursion,
// however deep the trees are. What vanishes while it walks (a mounted delta) is left out.
// REQUIRES: both are handles of directories.
[[nodiscard]] sys::Result<std::vector<Found>> walk_layers(int upper, int base);

}  // namespace agentfense::delta
