// Snapshots: a delta's upper layer and origins as they were, under meta/snapshots/NAME, to return to.
//
// Copies that share their blocks where the file system can (copy.h). A snapshot is there whole or not at all.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "mounthelper/delta/store.h"
#include "mounthelper/sys/status.h"

namespace agentfense::delta {

struct SnapshotRequest {
  const Store *store = nullptr;  // held; not owned
  std::string name;              // 1 to 200 bytes, no `/`, no control character, not beginning with `.`
  std::function<void(size_t)> progress;  // entries done; may be empty
  std::function<void()> pause;           // as in ApplyRequest
};

// EEXIST where there is one of that name.
[[nodiscard]] sys::Status take_snapshot(const SnapshotRequest &request);

// The delta is again what it was; the snapshot stays. Killed at any instant, the upper layer is the old one or the
// snapshot's as a whole; where it is still the old one, apply may see conflicts that are none, until restored again.
[[nodiscard]] sys::Status restore_snapshot(const SnapshotRequest &request);

[[nodiscard]] sys::Status delete_snapshot(const SnapshotRequest &request);

// In the order of their bytes. A delta that is not held will do.
[[nodiscard]] sys::Result<std::vector<std::string>> list_snapshots(const Store &store);

}  // namespace agentfense::delta
