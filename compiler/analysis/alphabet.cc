#include "compiler/analysis/alphabet.h"

#include <algorithm>

#include "compiler/analysis/path_order.h"

namespace agentfense::compiler {
namespace {

void order_by_name(Alphabet &alphabet) {
  const std::vector<std::string> &names = alphabet.names->witness;
  alphabet.by_name.resize(names.size());
  for (uint32_t x = 0; x < names.size(); ++x) alphabet.by_name[x] = x;
  std::ranges::sort(alphabet.by_name, [&](uint32_t a, uint32_t b) { return path_less(names[a], names[b]); });
  alphabet.rank.resize(names.size());
  for (uint32_t i = 0; i < names.size(); ++i) alphabet.rank[alphabet.by_name[i]] = i;
}

void connect(Alphabet &alphabet, const Automaton &automaton) {
  alphabet.of_automaton.resize(automaton.names.letters.size());
  for (uint32_t x = 0; x < alphabet.to_automaton.size(); ++x) {
    alphabet.of_automaton[alphabet.to_automaton[x]].push_back(x);
  }
}

}  // namespace

Alphabet alphabet_of(const Automaton &automaton) {
  Alphabet alphabet{&automaton.trie.glob_ids, &automaton.names, {}, {}, {}, {}};
  alphabet.to_automaton.resize(automaton.names.letters.size());
  for (uint32_t x = 0; x < alphabet.to_automaton.size(); ++x) alphabet.to_automaton[x] = x;
  connect(alphabet, automaton);
  order_by_name(alphabet);
  return alphabet;
}

std::unique_ptr<FinerAlphabet> finer_alphabet(const Automaton &automaton,
                                              const std::vector<lang::ComponentGlob> &further,
                                              const Budget &budget) {
  auto finer = std::make_unique<FinerAlphabet>();
  std::vector<lang::ComponentGlob> globs = automaton.trie.globs;
  finer->glob_ids = automaton.trie.glob_ids;
  for (const lang::ComponentGlob &glob : further) {
    const auto id = static_cast<GlobId>(globs.size());
    if (finer->glob_ids.try_emplace(glob, id).second) globs.push_back(glob);
  }
  GlobCost cost;
  std::optional<NameAutomaton> names = build_names(globs, budget, cost);
  if (!names) return nullptr;
  finer->names = std::move(*names);
  Alphabet &alphabet = finer->alphabet;
  alphabet.glob_ids = &finer->glob_ids;
  alphabet.names = &finer->names;
  for (const std::string &name : finer->names.witness) {
    alphabet.to_automaton.push_back(automaton.names.letter_of(name));
  }
  connect(alphabet, automaton);
  order_by_name(alphabet);
  return finer;
}

}  // namespace agentfense::compiler
