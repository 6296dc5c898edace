#include <algorithm>
#include <string>

#include "compiler/analysis/checks.h"
#include "compiler/analysis/letter_choice.h"
#include "compiler/analysis/pattern_walk.h"
#include "compiler/analysis/search.h"
#include "compiler/analysis/walk_path.h"

namespace agentfense::compiler {
namespace {

using lang::Level;

constexpr uint64_t kMaxConfigsPerNever = 1'000'000;  // bounds memory: a search keeps what it has met
constexpr uint64_t kMaxConfigs = 2'000'000;          // of all nevers together

// A configuration: state of the automaton, then the never's positions.
Search find_breaking_path(const lang::NeverRule &never, const Automaton &a, const LetterChoice &choice,
                          uint64_t max_configs) {
  const PatternWalk walk(never.patterns, a.trie);
  const auto positions_of = [](const Config &c) { return PatternWalk::Positions(c.begin() + 1, c.end()); };
  const auto config = [](uint32_t state, const PatternWalk::Positions &at) {
    Config c{state};
    c.insert(c.end(), at.begin(), at.end());
    return c;
  };
  SearchSteps steps;
  steps.accept = [&](const Config &c) {
    return PatternWalk::covered(positions_of(c)) && a.facts[c[0]].level >= never.level;
  };
  steps.expand = [&](const Config &c, const auto &offer) {
    const PatternWalk::Positions at = positions_of(c);
    if (at.empty()) return;
    std::vector<GlobId> waiting;
    walk.waiting(at, waiting);
    std::vector<uint32_t> apart;
    for (const GlobId g : waiting) {
      apart.insert(apart.end(), a.names.letters_of[g].begin(), a.names.letters_of[g].end());
    }
    std::ranges::sort(apart);
    apart.erase(std::unique(apart.begin(), apart.end()), apart.end());
    for (const uint32_t x : apart) {
      offer(a.names.witness[x], config(a.paths.row(c[0], x).target, walk.step(at, a.names.letters[x])));
    }
    if (!walk.lingers(at)) return;
    const PatternWalk::Positions staying = walk.step(at, {});
    std::vector<LetterChoice::Choice> choices;
    choice.choose(c[0], apart, choices);
    for (const LetterChoice::Choice &ch : choices)
      offer(a.names.witness[ch.letter], config(ch.target, staying));
  };
  return shortest_path(config(a.paths.start, walk.start()), steps, max_configs);
}

}  // namespace

void check_nevers(const lang::RuleSet &rules, const Automaton &automaton, lang::Diagnostics &diagnostics) {
  if (rules.nevers.empty()) return;
  const LetterChoice choice(automaton);
  uint64_t left = kMaxConfigs;
  for (const lang::NeverRule &never : rules.nevers) {
    const Search search = find_breaking_path(never, automaton, choice, std::min(left, kMaxConfigsPerNever));
    left -= std::min(left, search.configs);
    if (search.over_budget) {
      diagnostics.report(lang::Code::too_complex, never.place,
                         "whether `" + never.text +
                             "` holds cannot be decided within the budget; "
                             "write it with fewer `**`");
      continue;
    }
    if (!search.path) continue;
    const WalkedPath found = walk_path(automaton, *search.path);
    lang::Diagnostic &d = diagnostics.report(
        lang::Code::never_broken, never.place,
        "`" + never.text + "` does not hold: the level there is " + lang::level_name(found.level));
    d.example = *search.path;
    if (found.rule != kNoRule) {
      const lang::Rule &rule = rules.rules[found.rule];
      d.remarks.push_back({rule.place, "decided by `" + rule.text + "`"});
    }
  }
}

}  // namespace agentfense::compiler
