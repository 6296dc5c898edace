#include "compiler/automaton/determinize.h"

#include <algorithm>
#include <map>

#include "compiler/automaton/word_interner.h"

namespace agentfense::compiler {

// Why two levels, and why this way.
//
// A flat automaton over the bytes of whole paths must remember, at each byte, where in each `**`
// pattern it is *and* where in each component glob it is: the two multiply. For 300 rules of the
// shape `/w/**/nameN/*.extN` that is out of reach. Here level one forgets everything but the letter
// at each '/', and level two only ever sees letters: the sizes add.
//
// Level two still has one row per state over thousands of letters. But a letter changes a state
// only through a trie node that waits for one of its globs. Nodes of `**` wait in every state below
// them, so what they do is computed once, for the state in which nothing else waits (the base); all
// other nodes are gone after one component, so each state adds just the letters that those wait
// for. The work is proportional to the differences that the policy really makes. (The road not
// taken, stepping each state by each letter, costs states times letters: 8 million steps instead of
// some thousand for the rules above.)
//
// What multiplies even so is what must be remembered: which of many `**/aN/**/bN` were seen. The
// budget ends that.
namespace {

class Subsets {
 public:
  Subsets(const PathTrie &trie, const NameAutomaton &names, const Budget &budget)
      : trie_(trie), names_(names), stepper_(trie), meter_(budget), entered_(names.letters.size()) {
    label_ids_[{}] = 0;
    out_.labels.emplace_back();
  }

  bool build() {
    out_.dfa.width = static_cast<uint32_t>(names_.letters.size());
    std::vector<ProvenanceUpdate> updates;
    const PathState start = stepper_.start(updates);
    out_.start_label = label(updates);
    out_.dfa.start = state_id(start);
    for (uint32_t s = 0; s < states_.size(); ++s) {
      if (!meter_.within(states_.size(), bytes())) return false;
      if (!expand(s)) return false;
    }
    return true;
  }

  RawPaths take() { return std::move(out_); }

  [[nodiscard]] std::vector<uint64_t> costs() const {
    std::vector<uint64_t> cost(trie_.nodes.size());
    for (uint32_t s = 0; s < states_.size(); ++s) {
      for (const uint32_t n : decode_state(states_.get(s)).nodes) ++cost[n];
    }
    return cost;
  }

 private:
  [[nodiscard]] size_t bytes() const {
    return states_.bytes() + out_.dfa.edges.capacity() * sizeof(Edge) +
           out_.dfa.states.capacity() * sizeof(SparseDfa::State);
  }

  uint32_t state_id(const PathState &state) {
    encode_state(state, words_);
    return states_.intern(words_).id;
  }

  uint32_t label(const std::vector<ProvenanceUpdate> &updates) {
    const auto [it, fresh] = label_ids_.try_emplace(updates, static_cast<uint32_t>(out_.labels.size()));
    if (fresh) out_.labels.push_back(updates);
    return it->second;
  }

  uint32_t effect_id(Effect effect) {
    for (uint32_t i = 0; i < out_.effects.size(); ++i) {
      if (out_.effects[i].level == effect.level && out_.effects[i].slot == effect.slot) return i;
    }
    out_.effects.push_back(effect);
    return static_cast<uint32_t>(out_.effects.size() - 1);
  }

  bool expand(uint32_t s) {
    const PathState state = decode_state(states_.get(s));
    const uint32_t base = state_id(stepper_.base_of(state));

    std::vector<uint32_t> deep;
    touched_.clear();
    for (const uint32_t n : state.nodes) {
      const PathNode &node = trie_.nodes[n];
      if (node.deep) deep.push_back(n);
      if (node.deep && base != s) continue;
      for (const auto &[glob, child] : node.edges) {
        for (const uint32_t letter : names_.letters_of[glob]) {
          if (entered_[letter].empty()) touched_.push_back(letter);
          entered_[letter].push_back(child);
        }
      }
    }
    std::ranges::sort(touched_);

    SparseDfa::State row{base, static_cast<uint32_t>(out_.dfa.edges.size()), 0,
                         effect_id(PathStepper::effect(state))};
    bool within = true;
    for (const uint32_t letter : touched_) {
      std::vector<uint32_t> &entered = entered_[letter];
      if (base != s) stepper_.entered_by(deep, names_.letters[letter], entered);
      std::vector<ProvenanceUpdate> updates;
      const PathState next = stepper_.advance(state, entered, updates);
      entered.clear();
      if (!within) continue;
      const uint32_t target = state_id(next);
      const uint32_t l = label(updates);
      if (base != s || target != s || l != 0) out_.dfa.edges.push_back({letter, target, l});
      within = meter_.within(states_.size(), bytes());
    }
    row.count = static_cast<uint32_t>(out_.dfa.edges.size()) - row.begin;
    out_.dfa.states.push_back(row);
    return within;
  }

  const PathTrie &trie_;
  const NameAutomaton &names_;
  PathStepper stepper_;
  Meter meter_;
  WordInterner states_;
  RawPaths out_;
  std::map<std::vector<ProvenanceUpdate>, uint32_t> label_ids_;
  std::vector<uint32_t> words_, touched_;
  std::vector<std::vector<uint32_t>> entered_;  // per letter; empty between calls
};

}  // namespace

std::optional<RawPaths> determinize(const PathTrie &trie, const NameAutomaton &names, const Budget &budget,
                                    std::vector<uint64_t> &node_cost) {
  Subsets subsets(trie, names, budget);
  if (subsets.build()) return subsets.take();
  node_cost = subsets.costs();
  return std::nullopt;
}

}  // namespace agentfense::compiler
