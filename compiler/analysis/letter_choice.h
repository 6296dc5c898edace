// LetterChoice: which component name to write into an example path.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/automaton/automaton.h"

namespace agentfense::compiler {

class LetterChoice {
 public:
  explicit LetterChoice(const Automaton &automaton);

  // Letters by their witness: the shortest name first, then the least.
  [[nodiscard]] const std::vector<uint32_t> &by_name() const { return by_name_; }

  // Per distinct target of `state`, the best letter that leads there, letters in `apart` (sorted)
  // left out: those the caller follows one by one.
  struct Choice {
    uint32_t letter;
    uint32_t target;
  };
  void choose(uint32_t state, const std::vector<uint32_t> &apart, std::vector<Choice> &out) const;

 private:
  const Automaton &automaton_;
  std::vector<uint32_t> by_name_;
  std::vector<uint32_t> rank_;                   // letter -> position in by_name_
  std::vector<std::vector<Edge>> base_by_name_;  // per base: its edges, best letter first
};

}  // namespace agentfense::compiler
