// prove: does a table say what the rules mean, for every path there is?
//
// Run by the pipeline on the decoded bytes of each table that it wrote, before the file gets its
// name. It shares no code with compiler/automaton: it simulates the rules' patterns side by side
// with the table, over all names (byte by byte) and then over all paths (component by component),
// and compares the effective level at every pair that can be reached. No sampling. What the flags of
// a state say about the states below it is checked on the table's own graph by decode(), so that
// levels are all that is left to prove. Of the deciding rules it is checked that each one covers the
// path as the allow or limit that it is named as, with the level that it decides, and that none is
// missing where a level falls or an allow lifts it; that it is the first of equals is left to the tests.
#pragma once

#include <cstdint>
#include <string>

#include "compiler/table/table.h"
#include "lang/rules.h"

namespace agentfense::compiler {

struct Proof {
  enum class Verdict : uint8_t { equal, differs, over_budget };
  Verdict verdict = Verdict::equal;
  std::string path;    // where they differ
  std::string detail;  // one sentence: what the table says and what the rules say
  uint64_t pairs = 0;  // pairs of table state and rule state that were compared
};

struct ProofBudget {
  uint64_t max_pairs = 8'000'000;
};

// REQUIRES: `table` came out of decode().
[[nodiscard]] Proof prove(const lang::RuleSet &rules, const table::Table &table,
                          const ProofBudget &budget = {});

}  // namespace agentfense::compiler
