// apply: writes what a delta changed into its base, as far as the policy lets the sandbox write there.
//
// The plan is made first, of the list of changes, the origins and the table (apply_plan.h). A conflict, a path whose
// file in the base is not what it was when the delta took it over, stops everything before anything is changed.
// Then the journal is written (journal.h), the steps are done (apply_step.h), the base is synced, and the delta lets go
// of what the base has now (uncover.h): first the upper layer, then the origins, then the journal. Killed at any
// instant, the next apply finishes it and ends in the same tree, and the view of base and delta shows the same at
// all times.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "mounthelper/delta/apply_plan.h"
#include "mounthelper/delta/finished.h"
#include "mounthelper/delta/store.h"
#include "mounthelper/sys/status.h"

namespace agentfense::delta {

struct ApplyRequest {
  const Store *store = nullptr;  // held; none of these three is owned
  int base = -1;
  const table::Table *table = nullptr;
  std::vector<PathGlob> paths;  // none: everything
  Side side = Side::none;
  bool dry_run = false;
  std::function<void(size_t done, size_t steps)> progress;  // may be empty
  std::function<void()>
      pause;  // called between any two changes on disk: for tests that end it there; may be empty
};

// What was to be applied and was not, since base or delta changed meanwhile; it stays in the delta.
struct Missed {
  std::string path;
  std::string why;
};

struct ApplyReport {
  bool resumed = false;            // an apply or a discard that was cut short was finished first
  std::vector<Finished> finished;  // by that apply, in all: nothing of it is in `plan`
  Plan plan;                       // what was done, or would be
  std::vector<Missed> missed;
};

// A failure's message is for the operator. After one the base may be in between; the next apply goes on.
[[nodiscard]] sys::Result<ApplyReport> apply(const ApplyRequest &request);

}  // namespace agentfense::delta
