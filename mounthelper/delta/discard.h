// discard: throws changes of a delta away, so that the base shows again.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "mounthelper/delta/path_glob.h"
#include "mounthelper/delta/store.h"
#include "mounthelper/sys/status.h"

namespace agentfense::delta {

struct DiscardRequest {
  const Store *store = nullptr;  // held; not owned
  int base = -1;
  std::vector<PathGlob> paths;  // none: everything
  std::function<void()> pause;  // as in ApplyRequest
};

// How many changes went. Everything: the upper layer is exchanged for an empty one at once; where there is no room for
// that one, it is emptied in its place, and what a kill leaves of it goes by the next discard. With paths: one change
// after the other, a move always with both of its ends; what a kill cut short the next discard finishes first, by its
// journal (journal.h). EBUSY where that is an apply's. EINVAL with a sentence, and nothing done, where a path cannot come back alone: below a directory that the
// delta replaced by a file.
[[nodiscard]] sys::Result<size_t> discard(const DiscardRequest &request);

}  // namespace agentfense::delta
