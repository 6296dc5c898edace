// Random policies and random paths, for the differential tests. Small alphabets on purpose: rules
// must meet, or nothing is tested.
#pragma once

#include <random>
#include <string>

namespace agentfense::tests {

struct Shape {
  int rules = 4;
  int depth = 3;  // components of a pattern
  int names = 3;  // distinct letters
  bool excepts = true;
};

[[nodiscard]] std::string random_rules(std::mt19937 &random, const Shape &shape);
[[nodiscard]] std::string random_path(std::mt19937 &random, const Shape &shape);

}  // namespace agentfense::tests
