// print: a comparison as text for people and as JSON for programs. Both name the same things in the same
// order; the text leaves out what passes its limits, and says so.
#pragma once

#include <optional>
#include <string>

#include "compiler/diff/changed_rules.h"
#include "compiler/diff/compare.h"
#include "compiler/diff/tree_changes.h"

namespace agentfense::compiler::diff {

// All that `diff` has to say. Ownership: points at the caller's.
struct Findings {
  std::string old_name;  // as the user named the side
  std::string new_name;
  const table::Table *old_table;
  const table::Table *new_table;
  const Comparison *comparison;
  ChangedRules rules;
  std::optional<TreeChanges> tree;
};

struct TextLimits {
  size_t witnesses = 20;  // of a class
  size_t rules = 50;      // of a side
  size_t files = 100;     // of the tree
};

// Bytes that could steer a terminal are escaped.
[[nodiscard]] std::string print_text(const Findings &findings, const TextLimits &limits);

// Paths and texts are spelled as in the text, with `\\` and `\xHH`, so that all is UTF-8.
[[nodiscard]] std::string print_json(const Findings &findings);

}  // namespace agentfense::compiler::diff
