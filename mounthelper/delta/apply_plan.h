// The plan of an `apply`: for each change, whether it goes into the base, and if not, why; then the steps that do it.
//
// Pure: made of the list of changes, the origins and the table alone. Read by apply.cc and by what prints it.
#pragma once

#include <string>
#include <unordered_set>
#include <vector>

#include "compiler/table/table.h"
#include "mounthelper/delta/changes.h"
#include "mounthelper/delta/copies.h"
#include "mounthelper/delta/journal.h"
#include "mounthelper/delta/origins.h"
#include "mounthelper/delta/path_glob.h"
#include "mounthelper/delta/upper_walk.h"

namespace agentfense::delta {

enum class Side {
  none,    // a conflict stops everything
  ours,    // the delta's version goes over the base's
  theirs,  // the delta gives its version up
};

enum class Fate {
  applied,
  refused,   // the table does not let the sandbox write it, or something that it needs
  conflict,  // the base changed since the delta took the path over
  dropped,   // the same with Side::theirs
  left_out,  // not what --path names
};

struct Planned {
  Change change;
  Fate fate = Fate::applied;
  std::string why;  // refused, conflict, dropped: a clause
  bool keeps_from =
      false;  // a moved directory, applied, that stays at its old place as well: `why` says for what
};

struct PlanInput {
  std::vector<Change> changes;  // as list_changes() gives them
  Origins origins;
  Links links;
  std::vector<Copy> copies;  // leave the delta as well, where everything is applied
  // Regular files that were copied up from the very file that the base has there: attributes alone can be set on
  // it. Another one keeps its number for the file that was moved away from there.
  std::unordered_set<std::string> copied_from_here;
  const table::Table *table = nullptr;  // not owned
  std::vector<PathGlob> paths;          // none: everything
  Side side = Side::none;
};

struct Plan {
  std::vector<Planned> items;  // in the order of the changes
  bool stopped = false;        // by conflicts: there are no steps
  std::vector<Step> steps;
  std::vector<std::string> dropped;  // paths that the delta gives up, copies among them
};

// A path of --path takes along the new directories that it lies in, and a move goes with both of its ends.
[[nodiscard]] Plan make_plan(PlanInput input);

// The steps for what has the fate `applied`. Made for make_plan.
[[nodiscard]] std::vector<Step> make_steps(const PlanInput &input, const std::vector<Planned> &items);

}  // namespace agentfense::delta
