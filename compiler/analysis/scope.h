// Scope: what the checks of one policy share.
//
// Ownership: points to the rules and the automaton, which outlive it; its parts point to each other, so
// it stays where it was made. Threads: one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/analysis/rule_search.h"
#include "compiler/analysis/world.h"
#include "lang/diagnostics.h"
#include "lang/rules.h"

namespace agentfense::compiler {

struct Scope {
  Scope(const lang::RuleSet &rules, const Automaton &automaton);
  Scope(const Scope &) = delete;
  Scope &operator=(const Scope &) = delete;

  const lang::RuleSet &rules;
  const Automaton &automaton;
  Alphabet alphabet;
  World levels;                      // the automaton: the levels of the whole policy
  World nothing;                     // for what patterns alone decide
  std::vector<lang::Level> highest;  // per state of the automaton: the highest level there or below it
  std::vector<bool> dead;            // per rule; set by check_dead_rules()

  // Searches keep what they have met; these bound memory and time.
  static constexpr uint64_t kMaxStepsPerSearch = 200'000;
  uint64_t steps_left = 20'000'000;

  [[nodiscard]] lang::Level level_at(const Here &here) const { return automaton.facts[here.world[0]].level; }
  [[nodiscard]] lang::Level highest_from(const Here &here) const { return highest[here.world[0]]; }

  // The budgets of one search, and what it took.
  [[nodiscard]] uint64_t budget() const { return std::min(steps_left, kMaxStepsPerSearch); }
  Found spend(Found found);
};

// The least path that `patterns` cover and `but` does not.
[[nodiscard]] std::string least_covered(const Scope &scope, const std::vector<lang::RulePattern> &patterns,
                                        const std::vector<lang::RulePattern> &but = {});

// "decided by `RULE`" where a rule other than `than` decides at `path`.
void remark_decider(const Scope &scope, const std::string &path, uint32_t than, lang::Diagnostic &diagnostic);

// Collects the rules of which a check could not be decided, for one note at the end.
class Undecided {
 public:
  void add(const lang::Place &place) {
    if (count_++ == 0) first_ = place;
  }
  // "whether this rule QUESTION could not be decided"; nothing where nothing was added.
  void report(const std::string &question, lang::Diagnostics &diagnostics) const;

 private:
  uint32_t count_ = 0;
  lang::Place first_;
};

}  // namespace agentfense::compiler
