// Test results as text and JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compiler/expect/run_tests.h"
#include "lang/rules.h"

namespace agentfense::compiler {

// The tests of one policy, from wherever they come.
struct TestRun {
  std::string source;                   // as given
  std::string policy;                   // its name; empty where there are no rules
  std::vector<lang::SourceFile> files;  // the policy's, then the .expect files: what Place::file indexes
  std::vector<lang::Rule> rules;        // the policy's
  std::vector<TestResult> results;
  std::optional<Coverage> coverage;
  std::vector<std::string> errors;  // other than failed tests: "FILE:LINE: message [code]"
};

struct ResultOptions {
  bool all = false;  // passed ones too
  bool colour = false;
};

// "expected write, but the level is read"
[[nodiscard]] std::string outcome(const TestResult &result);
// FILE:LINE TEXT of the rule that decides, or that there is none.
[[nodiscard]] std::string decider(const TestRun &run, const TestResult &result);

// A line for each failure, and what no test touches where coverage was measured.
[[nodiscard]] std::string results_text(const TestRun &run, const ResultOptions &options);

// One object; agentfense-compile(1) documents it.
[[nodiscard]] std::string results_json(const std::vector<TestRun> &runs);

}  // namespace agentfense::compiler
