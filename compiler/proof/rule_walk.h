// RuleWalk: the rules' side of the proof. What the language reference says of a path, kept up to
// date one component at a time, with nothing forgotten but what is decided for good.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <unordered_map>
#include <vector>

#include "compiler/proof/joint_names.h"
#include "lang/rules.h"

namespace agentfense::compiler::proof {

// Where the walk stands. Words: allowed level, floor, counts, active and opened limit sets, tree
// nodes. Kept as words so that equal standings are found by comparing.
using Standing = std::vector<uint32_t>;

class RuleWalk {
 public:
  RuleWalk(const lang::RuleSet &rules, GlobNumbers &globs);

  [[nodiscard]] Standing start(std::vector<uint32_t> &rules_met) const;
  // The standing one component on; `globs` (sorted) are all that the component matches. Rules of
  // which a pattern ends exactly here are added to `rules_met`.
  [[nodiscard]] Standing step(const Standing &from, std::span<const uint32_t> globs,
                              std::vector<uint32_t> &rules_met) const;
  [[nodiscard]] static lang::Level level(const Standing &s, const RuleWalk &walk);

  // The same standing with only the nodes that any component leaves in place.
  [[nodiscard]] Standing lasting(const Standing &s) const;
  // Globs for which the nodes that one component uses up wait.
  void passing_globs(const Standing &s, std::vector<uint32_t> &globs) const;
  // Globs for which any node waits.
  void waiting_globs(const Standing &s, std::vector<uint32_t> &globs) const;

 private:
  struct End {
    enum class What : uint8_t { allow, limit, limit_of_set, except_of_set };
    What what;
    lang::Level level;
    uint32_t set;
    uint32_t rule;
  };
  struct Node {
    bool any_depth = false;
    std::vector<std::pair<uint32_t, uint32_t>> next;  // glob, child
    int64_t any_depth_child = -1;
    std::vector<End> ends;
    // Limit sets that a limit or an exception at this node or below it can still speak of. Sorted.
    std::vector<uint32_t> limits, excepts;
  };

  uint32_t add(const lang::PathPattern &pattern, GlobNumbers &globs);
  [[nodiscard]] Standing arrive(uint32_t allowed, uint32_t floor, std::vector<uint32_t> active,
                                std::vector<uint32_t> opened, std::vector<uint32_t> nodes,
                                const std::vector<uint32_t> &entered, std::vector<uint32_t> &rules_met) const;
  void summarise();
  [[nodiscard]] bool awaits(const std::vector<uint32_t> &nodes, uint32_t set,
                            std::vector<uint32_t> Node::*sets) const;
  // Words of equal meaning are equal: forgets what nothing in `nodes` can bring up again.
  [[nodiscard]] Standing settle(uint32_t allowed, uint32_t floor, std::vector<uint32_t> active,
                                std::vector<uint32_t> opened, const std::vector<uint32_t> &nodes) const;
  void waiting(const Standing &s, bool passing_only, std::vector<uint32_t> &globs) const;

  std::vector<Node> nodes_{Node{}};
  std::unordered_map<uint64_t, uint32_t> child_;
  std::vector<lang::Level> set_level_;  // limits with the same exceptions and level
};

}  // namespace agentfense::compiler::proof
