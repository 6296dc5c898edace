#include "compiler/expect/run_tests.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "compiler/explain/edit.h"
#include "compiler/explain/path_cover.h"

namespace agentfense::compiler {

std::vector<TestResult> run_tests(const Automaton &automaton, const std::vector<lang::TestCase> &tests) {
  std::vector<TestResult> results;
  results.reserve(tests.size());
  for (const lang::TestCase &test : tests) {
    const WalkedPath walked = walk_path(automaton, test.path);
    results.push_back({test, walked.level, walked.rule});
  }
  return results;
}

double Coverage::percent() const {
  return patterns.empty() ? 100.0 : 100.0 * touched / static_cast<double>(patterns.size());
}

Coverage measure_coverage(const lang::RuleSet &rules, const std::vector<TestResult> &results) {
  std::vector<PathNames> paths;
  paths.reserve(results.size());
  for (const TestResult &result : results) paths.push_back(path_names(result.test.path));
  const bool of_preset = is_preset(rules);

  Coverage coverage;
  // What is written once counts once: a rule that comes by two `extends`, an exception to all that one brings.
  using Key = std::tuple<uint32_t, uint32_t, uint32_t, uint32_t, bool>;
  std::map<Key, size_t> known;
  const auto add = [&](const lang::Place &at, CoveredPattern found) {
    const Key key{at.file, at.line, at.column, found.except ? 0 : found.pattern, found.except};
    const auto [it, fresh] = known.try_emplace(key, coverage.patterns.size());
    if (fresh || (found.except && !rules.rules[found.rule].inherited)) {
      coverage.patterns.push_back(found);
    } else if (found.touched) {
      coverage.patterns[it->second] = found;
    }
  };
  for (uint32_t r = 0; r < rules.rules.size(); ++r) {
    const lang::Rule &rule = rules.rules[r];
    const auto counts = [&](const lang::Place &place) {
      return of_preset ? !rule.inherited : !is_preset(rules, place);
    };
    bool any = false;
    for (uint32_t p = 0; p < rule.patterns.size() && counts(rule.place); ++p) {
      const bool touched = std::ranges::any_of(
          paths, [&](const PathNames &path) { return find_cover(rule.patterns[p], path).has_value(); });
      add(rule.place, {r, p, false, touched});
      any |= touched;
    }
    for (uint32_t e = 0; e < rule.except.size(); ++e) {
      if (!counts(rule.except[e].place)) continue;
      const bool touched = std::ranges::any_of(paths, [&](const PathNames &path) {
        return find_cover(rule.except[e], path) && find_cover(rule.patterns, path);
      });
      add(rule.except[e].place, {r, e, true, touched});
    }
    const bool decides =
        std::ranges::any_of(results, [&](const TestResult &result) { return result.rule == r; });
    if (any && !decides) coverage.idle.push_back(r);
  }
  for (const CoveredPattern &p : coverage.patterns) coverage.touched += p.touched;
  return coverage;
}

}  // namespace agentfense::compiler
