// run_tests: expectations against the automaton, and how much of a policy they touch.
#pragma once

#include <string>
#include <vector>

#include "compiler/analysis/walk_path.h"
#include "compiler/automaton/automaton.h"
#include "lang/rules.h"

namespace agentfense::compiler {

struct TestResult {
  lang::TestCase test;
  lang::Level actual;
  uint32_t rule;  // the decider, or kNoRule

  [[nodiscard]] bool passed() const { return actual == test.level; }
};

// One result for each test, in order.
[[nodiscard]] std::vector<TestResult> run_tests(const Automaton &automaton,
                                                const std::vector<lang::TestCase> &tests);

// A pattern of an allow or a limit, or an exception, and what the tested paths do with it.
struct CoveredPattern {
  uint32_t rule;
  uint32_t pattern;  // index into Rule::patterns, or where `except` into Rule::except
  bool except;
  bool touched;  // it covers a tested path; an exception: one that its limit covers too
};

struct Coverage {
  std::vector<CoveredPattern> patterns;
  std::vector<uint32_t> idle;  // rules of which a pattern is touched, and that decide no tested path
  uint32_t touched = 0;

  // Of the patterns; 100 where there are none.
  [[nodiscard]] double percent() const;
};

// Of what stands in the policy's own files: presets have tests of their own. For a preset itself, of its own rules.
[[nodiscard]] Coverage measure_coverage(const lang::RuleSet &rules, const std::vector<TestResult> &results);

}  // namespace agentfense::compiler
