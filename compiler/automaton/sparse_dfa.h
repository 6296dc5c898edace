// SparseDfa: a deterministic automaton whose rows are mostly shared. Both levels are one.
//
// A state either is a *base* (base == itself) or leans on one. Its row is
//
//   row(s)[x] = the edge of s at x             where s lists one
//             = row(base(s))[x]                else, for a state that leans
//             = {s, label 0}                   else, for a base: it loops
//
// That is the shape subset construction has on glob tries: the nodes that survive any symbol (`*`
// in a name, `**` in a path) form the base, and only the symbols that some other node waits for
// make a difference. Rows therefore cost what differs, not the width of the alphabet.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace agentfense::compiler {

struct Edge {
  uint32_t symbol;
  uint32_t target;
  uint32_t label;  // 0: nothing to say
};

struct SparseDfa {
  struct State {
    uint32_t base = 0;
    uint32_t begin = 0;  // into edges, sorted by symbol
    uint32_t count = 0;
    uint32_t out = 0;  // what the state says; compared by minimisation
  };

  uint32_t width = 1;  // symbols are 0..width-1
  uint32_t start = 0;
  std::vector<State> states;
  std::vector<Edge> edges;

  [[nodiscard]] std::span<const Edge> edges_of(uint32_t s) const {
    return std::span<const Edge>(edges).subspan(states[s].begin, states[s].count);
  }
  [[nodiscard]] const Edge *find(uint32_t s, uint32_t symbol) const;
  // The full answer of row(s)[symbol].
  [[nodiscard]] Edge row(uint32_t s, uint32_t symbol) const;
};

// The states that some word reaches from the start. Bases that exist only to be leaned on are not.
[[nodiscard]] std::vector<bool> reachable(const SparseDfa &dfa);

// For each state, the number of symbols whose target t has member[t].
[[nodiscard]] std::vector<uint32_t> count_successors(const SparseDfa &dfa, const std::vector<bool> &member);

}  // namespace agentfense::compiler
