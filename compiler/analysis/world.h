// World: what a search knows of the path beside the patterns it follows, as words, and which letters
// lead on.
//
// Three of them: the automaton (the levels of the whole policy), the rules with one left out or the
// limits ignored (levels that no automaton was built for), and nothing at all.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "compiler/analysis/alphabet.h"
#include "compiler/automaton/automaton.h"
#include "compiler/automaton/path_state.h"

namespace agentfense::compiler {

using Words = std::span<const uint32_t>;

// Gives letters one by one, the least name first.
using LetterCursor = std::function<std::optional<uint32_t>()>;

struct World {
  std::vector<uint32_t> start;
  // Appends the words after `letter`.
  std::function<void(Words at, uint32_t letter, std::vector<uint32_t> &next)> step;
  // Letters, none of `apart` (sorted), that between them lead to every state that a letter not in
  // `apart` leads to, each state by its least name first. The cursor refers to `at` and `apart`.
  std::function<LetterCursor(Words at, const std::vector<uint32_t> &apart)> others;
};

// One word: the state of automaton.paths. Threads: one at a time; what `others` has ordered is kept.
[[nodiscard]] World automaton_world(const Automaton &automaton, const Alphabet &alphabet);

// The words of encode_state(). REQUIRES: the alphabet is the automaton's own.
// With Choice::few, `others` gives but one letter, which the rules wait for as little as any: a search
// over it goes only where its patterns lead and finds no proof that there is nothing.
enum class Choice : uint8_t { all, few };
[[nodiscard]] World rules_world(const Automaton &automaton, const Alphabet &alphabet,
                                const PathStepper &stepper, Choice choice = Choice::all);

// No words.
[[nodiscard]] World empty_world(const Alphabet &alphabet);

}  // namespace agentfense::compiler
