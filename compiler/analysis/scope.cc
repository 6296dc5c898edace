#include "compiler/analysis/scope.h"

#include <algorithm>

#include "compiler/analysis/walk_path.h"

namespace agentfense::compiler {
namespace {

// A state that leans on a base is taken to reach all that the base reaches: too much where its own edges
// replace the base's, and too much is harmless for a bound.
std::vector<lang::Level> highest_levels(const Automaton &automaton) {
  const SparseDfa &paths = automaton.paths;
  std::vector<std::vector<uint32_t>> from(paths.states.size());
  for (uint32_t s = 0; s < paths.states.size(); ++s) {
    for (const Edge &e : paths.edges_of(s)) from[e.target].push_back(s);
    if (paths.states[s].base != s) from[paths.states[s].base].push_back(s);
  }
  std::vector<lang::Level> highest(paths.states.size());
  std::vector<uint32_t> work;
  for (uint32_t s = 0; s < highest.size(); ++s) {
    highest[s] = automaton.facts[s].level;
    work.push_back(s);
  }
  while (!work.empty()) {
    const uint32_t s = work.back();
    work.pop_back();
    for (const uint32_t f : from[s]) {
      if (highest[f] >= highest[s]) continue;
      highest[f] = highest[s];
      work.push_back(f);
    }
  }
  return highest;
}

}  // namespace

Scope::Scope(const lang::RuleSet &of, const Automaton &from)
    : rules(of),
      automaton(from),
      alphabet(alphabet_of(from)),
      levels(automaton_world(automaton, alphabet)),
      nothing(empty_world(alphabet)),
      highest(highest_levels(automaton)),
      dead(rules.rules.size()) {}

Found Scope::spend(Found found) {
  steps_left -= std::min(steps_left, found.steps);
  return found;
}

std::string least_covered(const Scope &scope, const std::vector<lang::RulePattern> &patterns,
                          const std::vector<lang::RulePattern> &but) {
  const PatternWalk main(patterns, scope.alphabet);
  const PatternWalk beside(but, scope.alphabet);
  RuleSearch search(scope.alphabet, scope.nothing, main, {&beside});
  search.leave_where([](const Here &h) { return h.beside[0]; });
  return search.least([](const Here &h) { return h.covered && !h.beside[0]; }, Scope::kMaxStepsPerSearch)
      .path.value_or("");
}

void remark_decider(const Scope &scope, const std::string &path, uint32_t than,
                    lang::Diagnostic &diagnostic) {
  if (path.empty()) return;
  const WalkedPath there = walk_path(scope.automaton, path);
  if (there.rule == kNoRule || there.rule == than) return;
  const lang::Rule &rule = scope.rules.rules[there.rule];
  diagnostic.remarks.push_back({rule.place, "decided by `" + rule.text + "`"});
}

void Undecided::report(const std::string &question, lang::Diagnostics &diagnostics) const {
  if (count_ == 0) return;
  const std::string more = count_ > 1 ? " (and " + std::to_string(count_ - 1) + " more)" : "";
  lang::Diagnostic &d =
      diagnostics.report(lang::Code::too_complex, first_,
                         "whether this rule" + more + " " + question +
                             " could not be decided within the budget; the table is not affected");
  d.severity = lang::Severity::note;
}

}  // namespace agentfense::compiler
