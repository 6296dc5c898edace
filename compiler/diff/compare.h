// compare: what changes from one policy to another, over all paths, decided on their tables.
//
// Both tables are walked as one through every pair of states that some path reaches: "equal" is a proof,
// no sampling, no solver. Each example is the least path there is in the order of path_less(). Read by
// the command `diff`.
// Threads: one for a call.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compiler/table/table.h"

namespace agentfense::compiler::diff {

enum class Change : uint8_t {
  raised,    // the level rises
  lowered,   // the level falls
  appears,   // no level before and after, but now a directory that shows for what is visible below it
  vanishes,  // the reverse
};

[[nodiscard]] const char *change_name(Change change);

// What changes at one path, if anything.
struct Difference {
  Change change;
  table::Level from;
  table::Level to;
  auto operator<=>(const Difference &) const = default;
};

// `passage`: something below the path is visible.
[[nodiscard]] std::optional<Difference> difference(table::Level from, bool old_passage, table::Level to,
                                                   bool new_passage);

// A path that changes, and who decides it on either side.
struct Witness {
  std::string path;
  // Rules of each table, or table::kNoRule where no rule allows the path. Of a name that appears or
  // vanishes those that decide `below`, the least path below it that has a level on one side.
  uint32_t old_rule;
  uint32_t new_rule;
  std::string below;
};

// All paths with one change.
struct ChangeClass {
  Difference difference;
  // The first is the least path of the class. The others each show one more rule that stands in one of
  // the policies alone (changed_rules.h): enough to review by, no promise that every such rule is shown.
  std::vector<Witness> witnesses;
};

struct Comparison {
  // over_budget: the search was given up. The classes are true then, but there may be others.
  enum class Verdict : uint8_t { equal, differs, over_budget };
  Verdict verdict = Verdict::equal;
  std::vector<ChangeClass> classes;  // sorted: by change, then levels
  uint64_t pairs = 0;                // pairs of states that were met
};

// 4,000,000 pairs take about 600 MB.
struct CompareBudget {
  uint64_t max_pairs = 4'000'000;
};

[[nodiscard]] Comparison compare(const table::Table &old_table, const table::Table &new_table,
                                 const CompareBudget &budget = {});

}  // namespace agentfense::compiler::diff
