#include "compiler/automaton/sparse_dfa.h"

#include <algorithm>

namespace agentfense::compiler {

const Edge *SparseDfa::find(uint32_t s, uint32_t symbol) const {
  const std::span<const Edge> list = edges_of(s);
  const auto it = std::ranges::lower_bound(list, symbol, {}, &Edge::symbol);
  return it != list.end() && it->symbol == symbol ? &*it : nullptr;
}

Edge SparseDfa::row(uint32_t s, uint32_t symbol) const {
  if (const Edge *e = find(s, symbol)) return *e;
  const uint32_t base = states[s].base;
  if (base != s) {
    if (const Edge *e = find(base, symbol)) return *e;
  }
  return {symbol, base, 0};
}

std::vector<bool> reachable(const SparseDfa &dfa) {
  std::vector<bool> seen(dfa.states.size());
  std::vector<uint32_t> work{dfa.start};
  seen[dfa.start] = true;
  const auto push = [&](uint32_t s) {
    if (!seen[s]) {
      seen[s] = true;
      work.push_back(s);
    }
  };
  while (!work.empty()) {
    const uint32_t s = work.back();
    work.pop_back();
    const std::span<const Edge> own = dfa.edges_of(s);
    for (const Edge &e : own) push(e.target);
    const uint32_t base = dfa.states[s].base;
    if (base == s || seen[base]) continue;  // a reached base pushes its own row
    // Symbols listed by neither s nor its base lead to the base itself.
    size_t covered = own.size();
    for (const Edge &e : dfa.edges_of(base)) {
      if (dfa.find(s, e.symbol)) continue;
      ++covered;
      push(e.target);
    }
    if (covered < dfa.width) push(base);
  }
  return seen;
}

std::vector<uint32_t> count_successors(const SparseDfa &dfa, const std::vector<bool> &member) {
  std::vector<uint32_t> count(dfa.states.size());
  for (uint32_t s = 0; s < dfa.states.size(); ++s) {
    if (dfa.states[s].base != s) continue;
    uint32_t n = member[s] ? dfa.width - dfa.states[s].count : 0;
    for (const Edge &e : dfa.edges_of(s)) n += member[e.target];
    count[s] = n;
  }
  for (uint32_t s = 0; s < dfa.states.size(); ++s) {
    const uint32_t base = dfa.states[s].base;
    if (base == s) continue;
    uint32_t n = count[base];
    for (const Edge &e : dfa.edges_of(s)) {
      n += member[e.target];
      n -= member[dfa.row(base, e.symbol).target];
    }
    count[s] = n;
  }
  return count;
}

}  // namespace agentfense::compiler
