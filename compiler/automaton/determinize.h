// determinize: level two. Subset construction over path states, with letters as symbols.
#pragma once

#include <optional>
#include <vector>

#include "compiler/automaton/budget.h"
#include "compiler/automaton/names.h"
#include "compiler/automaton/path_state.h"
#include "compiler/automaton/path_trie.h"
#include "compiler/automaton/sparse_dfa.h"

namespace agentfense::compiler {

struct RawPaths {
  SparseDfa dfa;                // out = index into effects
  std::vector<Effect> effects;  // distinct
  std::vector<std::vector<ProvenanceUpdate>> labels;
  uint32_t start_label = 0;
};

// Nothing where the budget was passed; `node_cost` then counts per trie node the states it is in.
[[nodiscard]] std::optional<RawPaths> determinize(const PathTrie &trie, const NameAutomaton &names,
                                                  const Budget &budget, std::vector<uint64_t> &node_cost);

}  // namespace agentfense::compiler
