// PatternWalk: where a list of patterns stands on the way down a path. One rule's patterns at a time,
// for the searches; the automaton has all rules at once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "compiler/analysis/alphabet.h"
#include "lang/rules.h"

namespace agentfense::compiler {

class PatternWalk {
 public:
  // REQUIRES: the patterns' globs are in the alphabet; it outlives the walk.
  PatternWalk(const std::vector<lang::RulePattern> &patterns, const Alphabet &alphabet);
  explicit PatternWalk(const std::vector<lang::PathPattern> &patterns, const Alphabet &alphabet);
  // Covers every path of `depth` components or more.
  [[nodiscard]] static PatternWalk deeper_than(uint32_t depth, const Alphabet &alphabet);

  // Sorted positions; {kCovered} once the path is covered, for good.
  using Positions = std::vector<uint32_t>;
  static constexpr uint32_t kCovered = 0xffffffff;

  [[nodiscard]] Positions start() const;
  [[nodiscard]] Positions step(std::span<const uint32_t> from, uint32_t letter) const;
  // The letters by which some position gets further are added to `letters`, in any order.
  void waiting(std::span<const uint32_t> at, std::vector<uint32_t> &letters) const;
  // Whether some position stays, or gets further, whatever component follows.
  [[nodiscard]] bool lingers(std::span<const uint32_t> at) const;
  // The least number of bytes of a path that leads from `at` to where it is covered; kNever where none does.
  [[nodiscard]] uint32_t bytes_to_cover(std::span<const uint32_t> at) const;
  static constexpr uint32_t kNever = 0x3fffffff;
  // At least that after one more component that some glob waits for.
  [[nodiscard]] uint32_t bytes_after(std::span<const uint32_t> at) const;

  [[nodiscard]] static bool covered(std::span<const uint32_t> at) {
    return !at.empty() && at.back() == kCovered;
  }

 private:
  explicit PatternWalk(const Alphabet &alphabet) : alphabet_(&alphabet) {}
  void add(const lang::PathPattern &pattern);
  void measure();
  [[nodiscard]] Positions close(std::vector<uint32_t> positions) const;

  enum class Kind : uint8_t { glob, any_name, any_depth, end };
  struct Item {
    Kind kind;
    GlobId glob;
    uint32_t bytes_to_end;
  };
  const Alphabet *alphabet_;
  std::vector<Item> items_;  // patterns one after another, each with an end item
  std::vector<uint32_t> starts_;
};

}  // namespace agentfense::compiler
