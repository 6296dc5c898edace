// minimize: merges the states of a SparseDfa that no continuation can tell apart.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/automaton/sparse_dfa.h"

namespace agentfense::compiler {

struct Partition {
  std::vector<uint32_t> block;  // per state
  uint32_t blocks = 0;
};

// What counts as a difference.
enum class Distinguish {
  outs_and_labels,  // Mealy: outs of states and labels of edges
  outs,             // Moore: outs of states alone
};

// Moore's partition refinement by signatures. A signature is a sum over the row, so that it can be
// had from the base's signature and the few edges that differ: sum over x of r(x) * g(label, block
// of the target), in two independent 64-bit hashes. A collision could merge states that differ; the
// proof that follows every compile (prove.h) would then refuse the table, so none can get out.
// Rounds are bounded by the longest word needed to tell two states apart.
[[nodiscard]] Partition partition(const SparseDfa &dfa, const std::vector<uint32_t> &outs, Distinguish mode);

// The quotient: one state per block, numbered in breadth-first order from the start, so that equal
// languages give equal numbers. `state_of` tells where each old state went.
struct Quotient {
  SparseDfa dfa;
  std::vector<uint32_t> state_of;
};
[[nodiscard]] Quotient quotient(const SparseDfa &dfa, const Partition &partition);

// partition() by the states' own outs, then quotient().
[[nodiscard]] Quotient minimize(const SparseDfa &dfa);

}  // namespace agentfense::compiler
