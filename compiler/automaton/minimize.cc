#include "compiler/automaton/minimize.h"

#include <algorithm>
#include <unordered_map>

#include "compiler/automaton/hash.h"

namespace agentfense::compiler {
namespace {

struct Signature {
  uint64_t a = 0;
  uint64_t b = 0;
  bool operator==(const Signature &) const = default;
};

struct SignatureHash {
  size_t operator()(const Signature &s) const { return s.a ^ (s.b * 3); }
};

uint64_t weight_a(uint32_t symbol) { return mix64(symbol) | 1; }
uint64_t weight_b(uint32_t symbol) { return mix64(symbol ^ 0x5bd1e995'00000000ULL) | 1; }

// The two hashes of an edge's meaning under the current blocks.
Signature meaning(uint32_t label, uint32_t block) {
  const uint64_t key = (uint64_t{label} << 32) | block;
  return {mix64(key), mix64(key ^ 0xc2b2ae3d27d4eb4fULL)};
}

uint32_t number_signatures(const std::vector<Signature> &signatures, std::vector<uint32_t> &block) {
  std::unordered_map<Signature, uint32_t, SignatureHash> ids;
  ids.reserve(signatures.size());
  for (size_t s = 0; s < signatures.size(); ++s) {
    block[s] = ids.try_emplace(signatures[s], static_cast<uint32_t>(ids.size())).first->second;
  }
  return static_cast<uint32_t>(ids.size());
}

class Refiner {
 public:
  Refiner(const SparseDfa &dfa, Distinguish mode) : dfa_(dfa), labels_(mode == Distinguish::outs_and_labels) {
    for (uint32_t x = 0; x < dfa.width; ++x) {
      total_.a += weight_a(x);
      total_.b += weight_b(x);
    }
    replaced_.reserve(dfa.edges.size());
    for (uint32_t s = 0; s < dfa.states.size(); ++s) {
      const uint32_t base = dfa.states[s].base;
      for (const Edge &e : dfa.edges_of(s))
        replaced_.push_back(base == s ? Edge{e.symbol, s, 0} : dfa.row(base, e.symbol));
    }
  }

  // One round: the signature of each state's block and row.
  void signatures(const std::vector<uint32_t> &block, std::vector<Signature> &out) const {
    const auto value = [&](const Edge &e) { return meaning(labels_ ? e.label : 0, block[e.target]); };
    const auto add_differences = [&](uint32_t s, Signature &sum) {
      const SparseDfa::State &state = dfa_.states[s];
      for (uint32_t i = state.begin; i < state.begin + state.count; ++i) {
        const Edge &e = dfa_.edges[i];
        const Signature now = value(e);
        const Signature was = value(replaced_[i]);
        sum.a += weight_a(e.symbol) * (now.a - was.a);
        sum.b += weight_b(e.symbol) * (now.b - was.b);
      }
    };
    std::vector<Signature> rows(dfa_.states.size());
    for (uint32_t s = 0; s < dfa_.states.size(); ++s) {
      if (dfa_.states[s].base != s) continue;
      const Signature loop = meaning(0, block[s]);
      rows[s] = {total_.a * loop.a, total_.b * loop.b};
      add_differences(s, rows[s]);
    }
    for (uint32_t s = 0; s < dfa_.states.size(); ++s) {
      const uint32_t base = dfa_.states[s].base;
      if (base != s) {
        rows[s] = rows[base];
        add_differences(s, rows[s]);
      }
    }
    for (uint32_t s = 0; s < dfa_.states.size(); ++s) {
      out[s] = {mix64(rows[s].a ^ mix64(block[s])), mix64(rows[s].b + block[s])};
    }
  }

 private:
  const SparseDfa &dfa_;
  bool labels_;
  Signature total_;
  std::vector<Edge> replaced_;  // per edge, what the row would hold without it
};

}  // namespace

Partition partition(const SparseDfa &dfa, const std::vector<uint32_t> &outs, Distinguish mode) {
  Partition p{outs, 0};
  std::vector<Signature> signatures(dfa.states.size());
  for (size_t s = 0; s < outs.size(); ++s) signatures[s] = {outs[s], 0};
  p.blocks = number_signatures(signatures, p.block);
  const Refiner refiner(dfa, mode);
  for (;;) {
    refiner.signatures(p.block, signatures);
    const uint32_t before = p.blocks;
    p.blocks = number_signatures(signatures, p.block);
    if (p.blocks == before) return p;
  }
}

Quotient quotient(const SparseDfa &dfa, const Partition &partition) {
  // A base represents its block where there is one, so that what leans on it still leans on a base.
  constexpr uint32_t kNone = 0xffffffff;
  std::vector<uint32_t> representative(partition.blocks, kNone);
  for (uint32_t s = 0; s < dfa.states.size(); ++s) {
    uint32_t &r = representative[partition.block[s]];
    if (r == kNone || (dfa.states[s].base == s && dfa.states[r].base != r)) r = s;
  }

  Quotient q;
  q.dfa.width = dfa.width;
  std::vector<uint32_t> number(partition.blocks, kNone);
  std::vector<uint32_t> order;
  const auto visit = [&](uint32_t old_state) {
    const uint32_t b = partition.block[old_state];
    if (number[b] == kNone) {
      number[b] = static_cast<uint32_t>(order.size());
      order.push_back(representative[b]);
    }
    return number[b];
  };
  visit(dfa.start);
  for (size_t i = 0; i < order.size(); ++i) {
    const uint32_t s = order[i];
    const uint32_t me = static_cast<uint32_t>(i);
    const uint32_t base = dfa.states[s].base;
    const uint32_t new_base = visit(base);
    const uint32_t base_representative = representative[partition.block[base]];
    SparseDfa::State state{new_base, static_cast<uint32_t>(q.dfa.edges.size()), 0, dfa.states[s].out};
    for (const Edge &e : dfa.edges_of(s)) {
      const Edge mapped{e.symbol, visit(e.target), e.label};
      Edge expected{e.symbol, new_base, 0};
      if (new_base != me) {
        const Edge old = dfa.row(base_representative, e.symbol);
        expected = {e.symbol, visit(old.target), old.label};
      }
      if (mapped.target != expected.target || mapped.label != expected.label) q.dfa.edges.push_back(mapped);
    }
    state.count = static_cast<uint32_t>(q.dfa.edges.size()) - state.begin;
    q.dfa.states.push_back(state);
  }
  q.dfa.start = 0;
  q.state_of.resize(dfa.states.size());
  for (uint32_t s = 0; s < dfa.states.size(); ++s) q.state_of[s] = number[partition.block[s]];
  return q;
}

Quotient minimize(const SparseDfa &dfa) {
  std::vector<uint32_t> outs(dfa.states.size());
  for (size_t s = 0; s < outs.size(); ++s) outs[s] = dfa.states[s].out;
  return quotient(dfa, partition(dfa, outs, Distinguish::outs_and_labels));
}

}  // namespace agentfense::compiler
