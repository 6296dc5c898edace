// changed_rules: the rules of two tables as text, side by side.
//
// For a reviewer only: what they do is for compare() to say. Order, places and reasons make no
// difference, and a rule that stands twice counts twice.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/table/table.h"

namespace agentfense::compiler::diff {

struct ChangedRules {
  std::vector<uint32_t> removed;  // of the old table, in its order
  std::vector<uint32_t> added;    // of the new one
};

[[nodiscard]] ChangedRules changed_rules(const table::Table &old_table, const table::Table &new_table);

}  // namespace agentfense::compiler::diff
