// Copies an upper layer as it is on disk: whiteouts, marks, attributes, times, names of one file. For snapshots.
#pragma once

#include <cstddef>
#include <functional>

#include "mounthelper/sys/status.h"

namespace agentfense::delta {

// progress: how many entries are done; may be empty. Nothing is synced.
// REQUIRES: handles of directories, `to` empty; nobody changes either.
[[nodiscard]] sys::Status copy_tree(int from, int to, const std::function<void(size_t)> &progress);

}  // namespace agentfense::delta
