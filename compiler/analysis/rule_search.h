// RuleSearch: the shortest path that some patterns cover and that shows something.
//
// Walks down a main list of patterns, further ones beside it, and a world (world.h). A configuration
// is where all of them stand; equal ones are looked at once. A path that the main patterns cannot cover
// any more is left.
//
// Two passes. A* (Hart, Nilsson, Raphael 1968), which expects at least the bytes that the main patterns
// still ask for and so goes straight down them, finds how long the answer is; then a best-first search
// in the order of path_order.h, kept to paths that can still be that short, finds the least one. The
// first alone decides whether there is one.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "compiler/analysis/pattern_walk.h"
#include "compiler/analysis/world.h"

namespace agentfense::compiler {

struct Found {
  std::optional<std::string> path;
  bool over_budget = false;  // gave up: whether there is a path is not known
  uint64_t steps = 0;
};

// A view of one configuration, valid during the call.
struct Here {
  Words world;
  bool covered;              // by the main patterns
  std::vector<bool> beside;  // by each of the further ones
  Words main;                // the main patterns' part, for below()
};

class RuleSearch {
 public:
  using Test = std::function<bool(const Here &)>;

  // REQUIRES: alphabet, world and walks outlive the search; all are over one alphabet.
  RuleSearch(const Alphabet &alphabet, const World &world, const PatternWalk &main,
             std::vector<const PatternWalk *> beside = {});

  // Paths at which it holds, and all below, are not looked at.
  RuleSearch &leave_where(Test hopeless);

  // What is looked for lies above what the main patterns cover: no bytes are expected for these.
  RuleSearch &look_above();

  // Some path that is accepted (its length is least). A step makes one configuration from another.
  [[nodiscard]] Found some(const Test &accept, uint64_t max_steps) const;
  // The least; where only finding the least would pass the budget, one of its length.
  [[nodiscard]] Found least(const Test &accept, uint64_t max_steps) const;
  // Whether a path strictly below `from` is accepted, which another search over the same main patterns
  // and world has met. REQUIRES: no patterns beside.
  [[nodiscard]] Found below(const Here &from, const Test &accept, uint64_t max_steps) const;

 private:
  using Config = std::vector<uint32_t>;
  struct Open;
  struct Run;
  [[nodiscard]] Config first() const;
  [[nodiscard]] Here view(const Config &config) const;
  [[nodiscard]] Config next(Words from, uint32_t letter) const;
  [[nodiscard]] uint32_t expected(const Config &config) const;
  [[nodiscard]] Found run(Config start, const Test &accept, uint64_t max_steps, bool straight,
                          uint64_t max_bytes, bool strictly_below) const;

  const Alphabet &alphabet_;
  const World &world_;
  std::vector<const PatternWalk *> walks_;  // main first
  Test hopeless_;
  bool above_ = false;
};

}  // namespace agentfense::compiler
