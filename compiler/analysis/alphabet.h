// Alphabet: the letters that a search spells its paths with.
//
// An automaton's own letters tell apart what its globs tell apart. A search for patterns that are not
// among them needs finer ones; each finer letter lies within one letter of the automaton.
//
// Ownership: points into the automaton and the names it was made from; both must outlive it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compiler/automaton/automaton.h"

namespace agentfense::compiler {

struct Alphabet {
  const std::map<lang::ComponentGlob, GlobId> *glob_ids;
  const NameAutomaton *names;
  std::vector<uint32_t> to_automaton;               // letter -> letter of the automaton
  std::vector<std::vector<uint32_t>> of_automaton;  // and back
  std::vector<uint32_t> by_name;                    // letters, the least name first (path_order.h)
  std::vector<uint32_t> rank;                       // letter -> position in by_name

  [[nodiscard]] const std::string &name(uint32_t letter) const { return names->witness[letter]; }
};

// The automaton's own letters.
[[nodiscard]] Alphabet alphabet_of(const Automaton &automaton);

// Letters that tell apart further globs too, with what they are made from.
struct FinerAlphabet {
  std::map<lang::ComponentGlob, GlobId> glob_ids;
  NameAutomaton names;
  Alphabet alphabet;
};

// Nothing where the budget was passed.
[[nodiscard]] std::unique_ptr<FinerAlphabet> finer_alphabet(const Automaton &automaton,
                                                            const std::vector<lang::ComponentGlob> &further,
                                                            const Budget &budget);

}  // namespace agentfense::compiler
