#include "compiler/analysis/letter_choice.h"

#include <algorithm>
#include <map>

namespace agentfense::compiler {

LetterChoice::LetterChoice(const Automaton &automaton) : automaton_(automaton) {
  const std::vector<std::string> &names = automaton.names.witness;
  by_name_.resize(names.size());
  for (uint32_t x = 0; x < by_name_.size(); ++x) by_name_[x] = x;
  const auto key = [&](uint32_t x) {
    const bool plain = std::ranges::all_of(names[x], [](char c) { return c >= 'a' && c <= 'z'; });
    return std::tuple(names[x].size(), !plain, std::string_view(names[x]));
  };
  std::ranges::sort(by_name_, {}, key);
  rank_.resize(by_name_.size());
  for (uint32_t i = 0; i < by_name_.size(); ++i) rank_[by_name_[i]] = i;
  const SparseDfa &paths = automaton.paths;
  base_by_name_.resize(paths.states.size());
  for (uint32_t s = 0; s < paths.states.size(); ++s) {
    if (paths.states[s].base != s) continue;
    base_by_name_[s].assign(paths.edges_of(s).begin(), paths.edges_of(s).end());
    std::ranges::sort(base_by_name_[s], {}, [&](const Edge &e) { return rank_[e.symbol]; });
  }
}

void LetterChoice::choose(uint32_t state, const std::vector<uint32_t> &apart,
                          std::vector<Choice> &out) const {
  const SparseDfa &paths = automaton_.paths;
  std::map<uint32_t, uint32_t> best;  // target -> letter
  const auto offer = [&](uint32_t letter, uint32_t target) {
    if (std::ranges::binary_search(apart, letter)) return;
    const auto [it, fresh] = best.try_emplace(target, letter);
    if (!fresh && rank_[letter] < rank_[it->second]) it->second = letter;
  };
  const uint32_t base = paths.states[state].base;
  for (const Edge &e : paths.edges_of(state)) offer(e.symbol, e.target);
  if (base != state) {
    for (const Edge &e : base_by_name_[base]) {
      if (!paths.find(state, e.symbol)) offer(e.symbol, e.target);
    }
  }
  for (const uint32_t x : by_name_) {
    if (paths.find(state, x) || paths.find(base, x) || std::ranges::binary_search(apart, x)) continue;
    offer(x, base);
    break;
  }
  for (const auto &[target, letter] : best) out.push_back({letter, target});
}

}  // namespace agentfense::compiler
