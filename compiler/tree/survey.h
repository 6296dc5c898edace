// survey: a policy held against the files of a real tree.
//
// Walks the tree once (walk_tree.h). Read by `check --tree` and the conflict report. A path in the view
// is the path below `dir`. Levels are those of the policy's paths: what a hidden directory hides is
// counted as what its own path says.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "compiler/automaton/automaton.h"
#include "lang/diagnostics.h"
#include "lang/rules.h"

namespace agentfense::compiler {

struct TreeOptions {
  // Called with the number of entries seen so far, for every entry; may be empty.
  std::function<void(uint64_t entries)> progress;
};

struct TreeSurvey {
  std::string dir;
  uint64_t entries = 0;                // without the root
  uint64_t directories = 0;            // of these
  uint64_t unreadable = 0;             // directories that could not be listed; below them nothing is counted
  std::array<uint64_t, 4> by_level{};  // entries, by level
  std::vector<uint64_t> decided;       // per rule: entries of which it decides the level
  uint64_t decided_by_none = 0;
};

// Adds to `diagnostics`:
//   stale-pattern  patterns and exceptions of a rule that match no entry: one for each rule and kind, a
//                  note where they came by `extends`
//   linked-file    one for each rule that makes a file readable which another name of it hides
// A string instead of a survey says why `dir` could not be read, as one sentence for the operator.
[[nodiscard]] std::variant<TreeSurvey, std::string> survey_tree(const std::string &dir,
                                                                const lang::RuleSet &rules,
                                                                const Automaton &automaton,
                                                                const TreeOptions &options,
                                                                lang::Diagnostics &diagnostics);

}  // namespace agentfense::compiler
