// letters: the names of two tables side by side. Which classes do they give to one and the same name?
//
// A pair of classes that some name has is a *letter*: two paths whose names have equal letters are
// equal to both tables.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compiler/table/image.h"

namespace agentfense::compiler::diff {

struct Letter {
  uint32_t old_class;
  uint32_t new_class;
  std::string name;  // the least that has it, in the order of path_less()
};

// Every letter, by name. Nothing where more than `max_pairs` pairs of classifier states are met.
[[nodiscard]] std::optional<std::vector<Letter>> joint_letters(const table::Classifier &old_names,
                                                               const table::Classifier &new_names,
                                                               uint64_t max_pairs);

}  // namespace agentfense::compiler::diff
