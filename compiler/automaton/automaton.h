// Automaton: the two-level automaton of a policy, minimised.
//
// Made by build_automaton() from a RuleSet; read by compiler/analysis (which wants letters and
// witnesses) and compiler/emit_table.cc (which packs it).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compiler/automaton/budget.h"
#include "compiler/automaton/names.h"
#include "compiler/automaton/path_state.h"
#include "compiler/automaton/path_trie.h"
#include "compiler/automaton/sparse_dfa.h"
#include "lang/rules.h"

namespace agentfense::compiler {

struct StateFacts {
  lang::Level level = lang::Level::none;
  uint32_t slot = 0;           // provenance slot that decides
  bool visible_below = false;  // a path strictly below has a level above none
  bool uniform_below = false;  // every path strictly below has level `below`
  lang::Level below = lang::Level::none;
  bool writable_child = false;  // a direct child has level write
  uint32_t alike = 0;           // equal: same levels here and at every path below
};

struct Automaton {
  PathTrie trie;
  NameAutomaton names;
  SparseDfa paths;                                    // over letters of `names`; start is state 0
  std::vector<StateFacts> facts;                      // per state of `paths`
  std::vector<std::vector<ProvenanceUpdate>> labels;  // labels[0] is empty
  uint32_t start_label = 0;
  uint32_t slots = 1;
  uint32_t raw_states = 0;  // before minimisation, for the report
};

// A policy that passes its budget, and what makes it so.
struct TooComplex {
  enum class Where : uint8_t { names, paths };
  Where where;
  struct Cost {
    uint32_t rule;  // index into RuleSet::rules, or
    bool never;     // into RuleSet::nevers where set
    double share;   // of all states that some rule takes part in, 0..1
  };
  std::vector<Cost> costs;  // the dearest first, at most five
};

struct BuildResult {
  std::optional<Automaton> automaton;
  TooComplex too_complex;  // meaningful where there is no automaton
};

[[nodiscard]] BuildResult build_automaton(const lang::RuleSet &rules, const Budget &budget);

}  // namespace agentfense::compiler
