// JointNames: level one of the proof. For every name there is: which class does the table give it,
// and which of the rules' globs match it?
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compiler/table/image.h"
#include "lang/path_pattern.h"

namespace agentfense::compiler::proof {

// A pair that some name has: its class in the table and exactly the globs that match it.
struct JointLetter {
  uint32_t component_class;
  std::vector<uint32_t> globs;  // sorted
  std::string name;             // an example
};

// Numbers the globs of all patterns of a RuleSet, in the order of first use.
class GlobNumbers {
 public:
  uint32_t of(const lang::ComponentGlob &glob);
  [[nodiscard]] const std::vector<lang::ComponentGlob> &all() const { return globs_; }

 private:
  std::map<lang::ComponentGlob, uint32_t> ids_;
  std::vector<lang::ComponentGlob> globs_;
};

// Nothing where more than `max_pairs` pairs would have to be looked at.
[[nodiscard]] std::optional<std::vector<JointLetter>> joint_names(
    const table::Classifier &classifier, const std::vector<lang::ComponentGlob> &globs, uint64_t max_pairs);

}  // namespace agentfense::compiler::proof
