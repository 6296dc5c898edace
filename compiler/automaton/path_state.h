// PathState: what the walk down a path must remember, and how one component changes it.
//
// The subset construction of determinize.cc and the dead-rule search of compiler/analysis step
// through these. A state holds the level allowed so far, the limits that hold, and the trie nodes
// that still wait for something; it forgets whatever can no longer change any answer, which is what
// keeps the automaton small (a hidden directory needs no memory of the patterns seen above it).
//
// Which rule decides, so that `explain` has one answer:
//   - where the lowest limit that holds is not above what is allowed, the limit of that level which
//     covers the shortest part of the path (ties: the first in rule order);
//   - else the allow of the highest level which covers the shortest part of the path;
//   - else none.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "compiler/automaton/path_trie.h"
#include "lang/rules.h"

namespace agentfense::compiler {

// Provenance slots; see compiler/table/image.h.
inline constexpr uint32_t kAllowSlot = 0;
inline constexpr uint32_t kFloorSlot = 1;
inline constexpr uint32_t kFirstGroupSlot = 2;

struct HeldLimit {
  uint32_t slot;
  lang::Level level;
};

struct PathState {
  lang::Level allowed = lang::Level::none;
  std::vector<HeldLimit> limits;  // in the order in which they began to hold
  std::vector<uint32_t> opened;   // sorted groups that an exception has opened for good
  std::vector<uint32_t> nodes;    // sorted
};

struct ProvenanceUpdate {
  uint32_t slot;
  uint32_t rule;
  auto operator<=>(const ProvenanceUpdate &) const = default;
};

struct Effect {
  lang::Level level;
  uint32_t slot;
};

inline constexpr uint32_t kSkipNothing = 0xffffffff;

// Threads: immutable, share freely.
class PathStepper {
 public:
  // With `skip`, the rule of that index is treated as if it were not there (its exceptions, which other
  // limits may share, do no harm alone); with `allows_only`, all limits are.
  explicit PathStepper(const PathTrie &trie, uint32_t skip = kSkipNothing, bool allows_only = false)
      : trie_(trie), skip_(skip), allows_only_(allows_only) {}

  // The state at the root, and the updates that it starts with.
  [[nodiscard]] PathState start(std::vector<ProvenanceUpdate> &updates) const;

  // The nodes that `from` enters by a component that matches exactly `globs` (sorted).
  void entered_by(std::span<const uint32_t> from, std::span<const GlobId> globs,
                  std::vector<uint32_t> &entered) const;

  // The state after a component by which `entered` was entered (in any order, repeats allowed).
  [[nodiscard]] PathState advance(const PathState &from, std::vector<uint32_t> &entered,
                                  std::vector<ProvenanceUpdate> &updates) const;

  // What stays of `from` when a component enters nothing.
  [[nodiscard]] PathState base_of(const PathState &from) const;

  [[nodiscard]] static Effect effect(const PathState &state);
  // The level that nothing at or below the state's path can pass.
  [[nodiscard]] lang::Level ceiling(const PathState &state) const;
  // The level that allows can still reach there; no path has it for certain.
  [[nodiscard]] lang::Level reach(const PathState &state) const;

 private:
  void apply(PathState &state, const std::vector<uint32_t> &entered,
             std::vector<ProvenanceUpdate> &updates) const;
  lang::Level prune(PathState &state) const;  // returns the level that nothing below can pass
  [[nodiscard]] bool can_still_open(const PathState &state, uint32_t group) const;
  [[nodiscard]] lang::Level settle(PathState &state) const;
  [[nodiscard]] bool matters(const PathState &state, uint32_t node, lang::Level floor) const;

  const PathTrie &trie_;
  uint32_t skip_;
  bool allows_only_;
};

// A state as words, for interning, and back.
void encode_state(const PathState &state, std::vector<uint32_t> &words);
[[nodiscard]] PathState decode_state(std::span<const uint32_t> words);

}  // namespace agentfense::compiler
