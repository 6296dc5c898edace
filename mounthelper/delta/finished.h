// What an apply that was cut short had to do, told by its journal: for who finishes it.
#pragma once

#include <string>
#include <vector>

#include "mounthelper/delta/changes.h"
#include "mounthelper/delta/journal.h"

namespace agentfense::delta {

struct Finished {
  ChangeKind kind = ChangeKind::added;
  std::string path;
  std::string from;  // renamed
};

// In the order of paths, without what was skipped. Pure. A file that only took the delta's time is told as `attributes`.
[[nodiscard]] std::vector<Finished> finished_changes(const Journal &journal);

// A discard's journal brings nothing into the base.
[[nodiscard]] inline bool is_discard(const Journal &journal) {
  return journal.steps.empty() && journal.base_done;
}

}  // namespace agentfense::delta
