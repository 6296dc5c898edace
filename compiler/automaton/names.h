// NameAutomaton: level one. Which of all the component globs of a policy match a given name?
//
// Made from the distinct globs of the rules and nevers; read by the path automaton, whose alphabet
// are the *letters* found here: the sets of globs that some name matches at once.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compiler/automaton/budget.h"
#include "compiler/automaton/sparse_dfa.h"
#include "lang/path_pattern.h"

namespace agentfense::compiler {

using GlobId = uint32_t;

struct NameAutomaton {
  std::array<uint8_t, 256> byte_class{};
  SparseDfa dfa;                                  // over byte classes; out = letter
  std::vector<std::vector<GlobId>> letters;       // each sorted; those that some name has
  std::vector<std::vector<uint32_t>> letters_of;  // glob -> letters that hold it, sorted

  // Per letter the shortest name that has it, the lexicographically least of those.
  std::vector<std::string> witness;

  [[nodiscard]] uint32_t letter_of(std::string_view name) const;
};

// How often each glob took part in a state: what `too-complex` blames.
using GlobCost = std::vector<uint64_t>;

// Nothing where the budget was passed; `cost` then tells how much each glob contributed.
[[nodiscard]] std::optional<NameAutomaton> build_names(const std::vector<lang::ComponentGlob> &globs,
                                                       const Budget &budget, GlobCost &cost);

// The shortest, then least, name for each out of `dfa` (over `byte_class`); empty where only "" or
// "." or ".." has it, which are no names.
[[nodiscard]] std::vector<std::string> shortest_names(const SparseDfa &dfa,
                                                      const std::array<uint8_t, 256> &byte_class,
                                                      uint32_t outs);

}  // namespace agentfense::compiler
