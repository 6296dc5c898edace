// PatternWalk: where a list of patterns stands on the way down a path. One rule's patterns at a time,
// for the searches; the automaton has all rules at once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "compiler/automaton/path_trie.h"
#include "lang/rules.h"

namespace agentfense::compiler {

class PatternWalk {
 public:
  // REQUIRES: the patterns' globs are in the trie (build_trie() puts rules and nevers there).
  PatternWalk(const std::vector<lang::RulePattern> &patterns, const PathTrie &trie);

  // Sorted positions; {kCovered} once the path is covered, for good.
  using Positions = std::vector<uint32_t>;
  static constexpr uint32_t kCovered = 0xffffffff;

  [[nodiscard]] Positions start() const;
  [[nodiscard]] Positions step(const Positions &from, std::span<const GlobId> globs) const;
  // The globs that a next component could match to get further.
  void waiting(const Positions &at, std::vector<GlobId> &globs) const;
  // Whether some position stays where it is whatever component follows.
  [[nodiscard]] bool lingers(const Positions &at) const;
  [[nodiscard]] static bool covered(const Positions &at) { return !at.empty() && at.back() == kCovered; }

 private:
  struct Item {
    bool any_depth = false;
    GlobId glob = 0;
    bool end = false;
  };
  [[nodiscard]] Positions close(std::vector<uint32_t> positions) const;

  std::vector<Item> items_;  // patterns one after another, each with an end item
  std::vector<uint32_t> starts_;
};

}  // namespace agentfense::compiler
