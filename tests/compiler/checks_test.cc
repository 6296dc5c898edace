// never-broken and dead-rule against the reference: every example is confirmed, and every silence is
// confirmed over all small paths.
#include "compiler/analysis/checks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "tests/automaton/random_rules.h"
#include "tests/reference/naive.h"
#include "tests/reference/rule_text.h"

namespace agentfense::tests {
namespace {

using lang::Level;

// Names that between them show whatever globs over {a, b} of random_rules.h can tell apart.
const std::vector<std::string> kNames = {"a",   "b",   "c",   "aa",  "ab",  "ac",  "ba",   "bb",  "bc",
                                         "ca",  "cb",  "cc",  "aca", "acb", "bca", "bcb",  "cac", "cbc",
                                         "aba", "bab", "abc", "bac", "cab", "cba", "cabc", "cbac"};

compiler::Automaton automaton_of(const lang::RuleSet &rules) {
  compiler::BuildResult built = compiler::build_automaton(rules, compiler::Budget{});
  if (!built.automaton) throw std::runtime_error("too complex");
  return std::move(*built.automaton);
}

bool never_covers(const lang::NeverRule &never, const std::string &path) {
  const std::vector<std::string> parts = reference::split(path);
  return std::ranges::any_of(never.patterns, [&](const lang::RulePattern &p) {
    return std::ranges::any_of(p.alternatives,
                               [&](const lang::PathPattern &a) { return reference::covers(a, parts); });
  });
}

TEST(Nevers, EveryAnswerIsConfirmed) {
  std::mt19937 random(11);
  const std::vector<std::string> paths = all_paths(kNames, 3);
  int broken = 0;
  for (int round = 0; round < 1500; ++round) {
    std::string never = random_rules(random, {.rules = 1, .depth = 2, .names = 2, .excepts = false});
    never = "never " + never.substr(never.find(' ') + 1);
    if (never.starts_with("never none")) continue;
    const std::string text = random_rules(random, {.rules = 3, .depth = 2, .names = 2}) + never;
    const lang::RuleSet rules = reference::rules_of(text);
    lang::Diagnostics diagnostics;
    const compiler::Automaton automaton = automaton_of(rules);
    compiler::Scope scope(rules, automaton);
    check_nevers(scope, diagnostics);

    size_t shortest = 0;
    for (const std::string &path : paths) {
      const bool breaks = never_covers(rules.nevers[0], path) &&
                          reference::evaluate(rules, path).level >= rules.nevers[0].level;
      if (breaks && (shortest == 0 || path.size() < shortest)) shortest = path.size();
    }
    if (diagnostics.all().empty()) {
      ASSERT_EQ(shortest, 0u) << text;
      continue;
    }
    ++broken;
    const std::string &example = diagnostics.all()[0].example;
    ASSERT_TRUE(never_covers(rules.nevers[0], example)) << example << "\n" << text;
    ASSERT_GE(reference::evaluate(rules, example).level, rules.nevers[0].level) << example << "\n" << text;
    if (shortest > 0) {
      ASSERT_LE(example.size(), shortest) << example << "\n" << text;
    } else {
      ASSERT_GT(reference::split(example).size(), 3u) << example << "\n" << text;
    }
  }
  EXPECT_GT(broken, 300);
  EXPECT_LT(broken, 1300);
}

TEST(DeadRules, EveryAnswerIsConfirmed) {
  std::mt19937 random(12);
  const std::vector<std::string> paths =
      all_paths({"a", "b", "c", "ab", "ba", "aa", "bb", "cb", "ac", "ca", "bc"}, 3);
  int dead = 0, alive = 0;
  for (int round = 0; round < 1200; ++round) {
    const std::string text = random_rules(random, {.rules = 4, .depth = 2, .names = 2});
    const lang::RuleSet rules = reference::rules_of(text);
    lang::Diagnostics diagnostics;
    const compiler::Automaton automaton = automaton_of(rules);
    compiler::Scope scope(rules, automaton);
    check_dead_rules(scope, diagnostics);
    for (uint32_t r = 0; r < rules.rules.size(); ++r) {
      if (rules.rules[r].kind != lang::Rule::Kind::allow) continue;
      lang::RuleSet without = rules;
      without.rules.erase(without.rules.begin() + r);
      const bool changes = std::ranges::any_of(paths, [&](const std::string &path) {
        return reference::evaluate(rules, path).level != reference::evaluate(without, path).level;
      });
      const bool reported = std::ranges::any_of(diagnostics.all(), [&](const lang::Diagnostic &d) {
        return d.code == lang::Code::dead_rule && d.place.line == rules.rules[r].place.line;
      });
      ASSERT_EQ(reported, !changes) << rules.rules[r].text << " in\n" << text;
      ++(changes ? alive : dead);
    }
  }
  EXPECT_GT(dead, 300);
  EXPECT_GT(alive, 300);
}

TEST(DeadRules, SuggestsLimitWhereLessWasMeant) {
  const lang::RuleSet rules = reference::rules_of("allow read /\nallow view /data\n");
  lang::Diagnostics diagnostics;
  const compiler::Automaton automaton = automaton_of(rules);
  compiler::Scope scope(rules, automaton);
  check_dead_rules(scope, diagnostics);
  ASSERT_EQ(diagnostics.all().size(), 1u);
  ASSERT_EQ(diagnostics.all()[0].fixes.size(), 1u);
  EXPECT_EQ(diagnostics.all()[0].fixes[0].text, "limit");
  EXPECT_EQ(diagnostics.all()[0].fixes[0].place.line, 2u);
  EXPECT_EQ(diagnostics.all()[0].example, "/data");
}

TEST(DeadRules, InheritedOnesAreNotes) {
  lang::RuleSet rules = reference::rules_of("allow read /\nallow read /data\n");
  rules.rules[1].inherited = true;
  lang::Diagnostics diagnostics;
  const compiler::Automaton automaton = automaton_of(rules);
  compiler::Scope scope(rules, automaton);
  check_dead_rules(scope, diagnostics);
  ASSERT_EQ(diagnostics.all().size(), 1u);
  EXPECT_EQ(diagnostics.all()[0].severity, lang::Severity::note);
}

}  // namespace
}  // namespace agentfense::tests
