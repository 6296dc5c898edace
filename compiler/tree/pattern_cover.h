// PatternCover: which patterns of a policy match something in a real tree.
//
// The automaton cannot tell: its states forget every pattern that changes no level any more. This walks
// the trie of all patterns instead, along with the directories, and drops a part of the trie once all
// patterns in it have matched, so that a large tree costs little where the policy fits it.
// Threads: one.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/automaton/path_trie.h"
#include "lang/rules.h"

namespace agentfense::compiler {

class PatternCover {
 public:
  // REQUIRES: `trie` was built from `rules`. Both outlive the object.
  PatternCover(const lang::RuleSet &rules, const PathTrie &trie);

  // An entry of the directory at hand, by the globs that its name matches (sorted).
  void see(const std::vector<GlobId> &globs);
  // Makes such an entry the directory at hand, and back.
  void enter(const std::vector<GlobId> &globs);
  void leave() { stack_.pop_back(); }

  // Whether one of the pattern's alternatives matched an entry, or the root.
  [[nodiscard]] bool covered(const lang::RulePattern &pattern) const;

 private:
  void arrive(uint32_t node);
  void step(const std::vector<GlobId> &globs, std::vector<uint32_t> &entered);
  [[nodiscard]] uint32_t end_of(const lang::PathPattern &pattern) const;

  const PathTrie &trie_;
  std::vector<uint32_t> parent_;
  std::vector<uint32_t> missing_;  // per node: ends of patterns at it or below that matched nothing yet
  std::vector<bool> is_end_, matched_;
  std::vector<std::vector<uint32_t>> stack_;  // per directory: nodes that wait there
  std::vector<uint32_t> entered_;
};

}  // namespace agentfense::compiler
