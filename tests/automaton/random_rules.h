// Random policies and paths, and all small paths, for the differential tests. Small alphabets on purpose: rules
// must meet, or nothing is tested.
#pragma once

#include <random>
#include <string>
#include <vector>

namespace agentfense::tests {

struct Shape {
  int rules = 4;
  int depth = 3;  // components of a pattern
  int names = 3;  // distinct letters
  bool excepts = true;
};

[[nodiscard]] std::string random_rules(std::mt19937 &random, const Shape &shape);
[[nodiscard]] std::string random_path(std::mt19937 &random, const Shape &shape);

// All paths over `names` down to `depth`, "/" first.
[[nodiscard]] std::vector<std::string> all_paths(const std::vector<std::string> &names, int depth);

}  // namespace agentfense::tests
