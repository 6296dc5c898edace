// compare() against the reference: every class that some small path shows is found, by a path that is no
// greater; every example is confirmed; "equal" is never said where a path differs.
#include "compiler/diff/compare.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "compiler/analysis/path_order.h"
#include "compiler/automaton/automaton.h"
#include "compiler/emit_table.h"
#include "compiler/table/encode.h"
#include "tests/automaton/random_rules.h"
#include "tests/reference/naive.h"
#include "tests/reference/rule_text.h"

namespace agentfense::tests {
namespace {

using compiler::path_less;
using compiler::diff::Change;
using compiler::diff::ChangeClass;
using compiler::diff::compare;
using compiler::diff::Comparison;
using compiler::diff::Difference;
using table::Level;

// Names that between them show whatever globs over {a, b} of random_rules.h can tell apart.
const std::vector<std::string> kNames = {"a",   "b",   "c",   "aa",  "ab",  "ac",  "ba",   "bb",  "bc",
                                         "ca",  "cb",  "cc",  "aca", "acb", "bca", "bcb",  "cac", "cbc",
                                         "aba", "bab", "abc", "bac", "cab", "cba", "cabc", "cbac"};

struct Policy {
  std::string text;
  lang::RuleSet rules;
  table::Table table;
};

Policy policy_of(const std::string &text) {
  lang::RuleSet rules = reference::rules_of(text);
  compiler::BuildResult built = compiler::build_automaton(rules, compiler::Budget{});
  if (!built.automaton) throw std::runtime_error("too complex: " + text);
  auto decoded = table::decode(table::encode(compiler::emit_table(rules, *built.automaton)));
  if (auto *error = std::get_if<table::DecodeError>(&decoded)) throw std::runtime_error(error->message);
  return {text, std::move(rules), std::move(std::get<table::Table>(decoded))};
}

Level level_at(const lang::RuleSet &rules, const std::string &path) {
  return static_cast<Level>(reference::evaluate(rules, path).level);
}

// REQUIRES: patterns of at most two components, `**` not counted: within two more names every allow
// that can open something below has done so.
bool visible_below(const lang::RuleSet &rules, const std::string &path,
                   const std::vector<std::string> &tails) {
  const std::string prefix = path == "/" ? "" : path;
  return std::ranges::any_of(tails, [&](const std::string &tail) {
    return tail != "/" && level_at(rules, prefix + tail) > Level::none;
  });
}

// Rules without exceptions of which none speaks of the root: what one of them does can be seen.
std::string narrow_rules(std::mt19937 &random, int rules, int depth, int names) {
  std::string text;
  while (rules > 0) {
    const std::string rule =
        random_rules(random, {.rules = 1, .depth = depth, .names = names, .excepts = false});
    if (rule.find(" /,") != std::string::npos || rule.ends_with(" /\n")) continue;
    text += rule;
    --rules;
  }
  return text;
}

// By class, the least path that shows it.
using Classes = std::map<Difference, std::string>;

void offer(Classes &classes, const Difference &d, const std::string &path) {
  const auto [it, fresh] = classes.try_emplace(d, path);
  if (!fresh && path_less(path, it->second)) it->second = path;
}

// What the comparison says must hold, path by path. `tails` as for visible_below().
void confirm(const Policy &a, const Policy &b, const Comparison &comparison,
             const std::vector<std::string> &tails) {
  for (const ChangeClass &c : comparison.classes) {
    ASSERT_FALSE(c.witnesses.empty());
    for (const compiler::diff::Witness &w : c.witnesses) {
      const reference::Answer from = reference::evaluate(a.rules, w.path),
                              to = reference::evaluate(b.rules, w.path);
      ASSERT_EQ(static_cast<Level>(from.level), c.difference.from) << w.path << "\n"
                                                                   << a.text << "->\n"
                                                                   << b.text;
      ASSERT_EQ(static_cast<Level>(to.level), c.difference.to) << w.path << "\n"
                                                               << a.text << "->\n"
                                                               << b.text;
      ASSERT_FALSE(path_less(w.path, c.witnesses.front().path)) << w.path;
      if (w.below.empty()) {
        ASSERT_NE(c.difference.from, c.difference.to) << w.path;
        ASSERT_EQ(w.old_rule, from.rule) << w.path;
        ASSERT_EQ(w.new_rule, to.rule) << w.path;
        continue;
      }
      const bool appears = c.difference.change == Change::appears;
      const std::string prefix = w.path == "/" ? "/" : w.path + "/";
      ASSERT_TRUE(w.below.starts_with(prefix)) << w.below;
      const Policy &shown = appears ? b : a, &hidden = appears ? a : b;
      ASSERT_GT(level_at(shown.rules, w.below), Level::none) << w.below;
      ASSERT_EQ(w.old_rule, reference::evaluate(a.rules, w.below).rule) << w.below;
      ASSERT_EQ(w.new_rule, reference::evaluate(b.rules, w.below).rule) << w.below;
      ASSERT_FALSE(visible_below(hidden.rules, w.path, tails)) << w.path << "\n"
                                                               << a.text << "->\n"
                                                               << b.text;
    }
  }
}

// Every class that a path shows must be there, by a path that is no greater.
void confirm_nothing_is_missing(const Policy &a, const Policy &b, const Comparison &comparison,
                                const Classes &classes) {
  if (!classes.empty()) {
    ASSERT_EQ(comparison.verdict, Comparison::Verdict::differs) << a.text << "->\n" << b.text;
  }
  for (const auto &[difference, path] : classes) {
    const auto it = std::ranges::find(comparison.classes, difference, &ChangeClass::difference);
    ASSERT_NE(it, comparison.classes.end()) << path << "\n" << a.text << "->\n" << b.text;
    ASSERT_FALSE(path_less(path, it->witnesses.front().path))
        << path << " is less than " << it->witnesses.front().path << "\n"
        << a.text << "->\n"
        << b.text;
  }
}

TEST(Compare, EveryPairOfSmallPoliciesOnEverySmallPath) {
  // The least name of each letter that the patterns can tell apart.
  const std::vector<std::string> names = {"a", "b", "c", "aa", "ba"};
  const std::vector<std::string> paths = all_paths(names, 3), tails = all_paths(names, 2);
  std::vector<std::string> texts = {""};
  for (const std::string pattern :
       {"/", "/a", "/*", "/a/b", "**/a", "**/a*", "/a/**/b", "**/a/b", "/?/a", "/[!a]"}) {
    texts.push_back("allow read " + pattern + "\n");
    texts.push_back("allow write " + pattern + "\n");
    texts.push_back("allow read /\nlimit none " + pattern + "\n");
    texts.push_back("allow read **/b\nlimit view " + pattern + "\n");
    texts.push_back("allow write /a\nallow view /\nlimit none " + pattern + " except **/b\n");
  }
  struct Seen {
    std::vector<Level> levels;
    std::vector<bool> visible;
  };
  std::vector<Policy> policies;
  std::vector<Seen> seen;
  for (const std::string &text : texts) {
    policies.push_back(policy_of(text));
    Seen &s = seen.emplace_back();
    for (const std::string &path : paths) {
      s.levels.push_back(level_at(policies.back().rules, path));
      s.visible.push_back(visible_below(policies.back().rules, path, tails));
    }
  }
  int equal = 0, other_examples = 0;
  for (size_t i = 0; i < policies.size(); ++i) {
    for (size_t j = 0; j < policies.size(); ++j) {
      Classes classes;
      for (size_t p = 0; p < paths.size(); ++p) {
        const auto d = compiler::diff::difference(seen[i].levels[p], seen[i].visible[p], seen[j].levels[p],
                                                  seen[j].visible[p]);
        if (d) offer(classes, *d, paths[p]);
      }
      const Comparison comparison = compare(policies[i].table, policies[j].table);
      confirm(policies[i], policies[j], comparison, tails);
      confirm_nothing_is_missing(policies[i], policies[j], comparison, classes);
      // Three of these names are decisive for patterns this small: nothing else may be said.
      ASSERT_EQ(comparison.classes.size(), classes.size()) << policies[i].text << "->\n" << policies[j].text;
      for (const ChangeClass &c : comparison.classes) {
        const std::string &path = c.witnesses.front().path;
        other_examples += path != classes.at(c.difference);
      }
      equal += comparison.verdict == Comparison::Verdict::equal;
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GT(equal, static_cast<int>(policies.size()));  // some are equal without being the same
  EXPECT_EQ(other_examples, 0);
}

TEST(Compare, RandomPairsOnAllSmallPaths) {
  std::mt19937 random(21);
  const Shape shape{.rules = 4, .depth = 2, .names = 2};
  const std::vector<std::string> paths = all_paths({"a", "b", "c", "ab", "ba", "aa"}, 3);
  const std::vector<std::string> tails = all_paths(kNames, 2);
  int equal = 0, raised = 0, lowered = 0, names = 0;
  for (int round = 0; round < 3000; ++round) {
    const Policy a = policy_of(random_rules(random, shape));
    Policy b = policy_of(random_rules(random, shape));
    if (round % 2 == 0) {
      // All but one rule in common: the usual change.
      std::string text = a.text.substr(a.text.find('\n') + 1);
      if (round % 4 == 0) text += random_rules(random, {.rules = 1, .depth = 2, .names = 2});
      b = policy_of(text);
    }
    Classes classes;
    for (const std::string &path : paths) {
      const Level from = level_at(a.rules, path), to = level_at(b.rules, path);
      if (const auto d = compiler::diff::difference(from, false, to, false)) offer(classes, *d, path);
    }
    const Comparison comparison = compare(a.table, b.table);
    confirm(a, b, comparison, tails);
    confirm_nothing_is_missing(a, b, comparison, classes);
    if (HasFatalFailure()) return;
    equal += comparison.verdict == Comparison::Verdict::equal;
    for (const ChangeClass &c : comparison.classes) {
      raised += c.difference.change == Change::raised;
      lowered += c.difference.change == Change::lowered;
      names += c.difference.from == c.difference.to;
    }
  }
  EXPECT_GT(equal, 200);
  EXPECT_GT(raised, 1000);
  EXPECT_GT(lowered, 1000);
  EXPECT_GT(names, 100);
}

TEST(Compare, NamesThatAppearOrVanish) {
  std::mt19937 random(22);
  const std::vector<std::string> paths = all_paths({"a", "b", "c", "ab"}, 2), tails = all_paths(kNames, 2);
  int appear = 0, vanish = 0;
  for (int round = 0; round < 250; ++round) {
    const Policy a = policy_of("allow read /b/a\n" + narrow_rules(random, 3, 2, 2));
    const Policy b = policy_of("allow read /a/b\n" + narrow_rules(random, 2, 2, 2));
    Classes classes;
    for (const std::string &path : paths) {
      if (level_at(a.rules, path) != Level::none || level_at(b.rules, path) != Level::none) continue;
      const auto d = compiler::diff::difference(Level::none, visible_below(a.rules, path, tails), Level::none,
                                                visible_below(b.rules, path, tails));
      if (d) offer(classes, *d, path);
    }
    const Comparison comparison = compare(a.table, b.table);
    confirm(a, b, comparison, tails);
    confirm_nothing_is_missing(a, b, comparison, classes);
    if (HasFatalFailure()) return;
    for (const auto &[difference, path] : classes) ++(difference.change == Change::appears ? appear : vanish);
  }
  EXPECT_GT(appear, 30);
  EXPECT_GT(vanish, 30);
}

TEST(Compare, LargePoliciesThatDifferInOneRule) {
  std::mt19937 random(23);
  const Shape shape{.rules = 16, .depth = 3, .names = 8};
  int differ = 0;
  for (int round = 0; round < 60; ++round) {
    const std::string common = narrow_rules(random, 16, 3, 8);
    const Policy a = policy_of(common + narrow_rules(random, 1, 3, 8));
    const Policy b = policy_of(common + narrow_rules(random, 1, 3, 8));
    const Comparison comparison = compare(a.table, b.table);
    for (const ChangeClass &c : comparison.classes) {
      const std::string &path = c.witnesses.front().path;
      ASSERT_EQ(level_at(a.rules, path), c.difference.from) << path;
      ASSERT_EQ(level_at(b.rules, path), c.difference.to) << path;
    }
    Classes classes;
    for (int i = 0; i < 3000; ++i) {
      const std::string path = random_path(random, shape);
      const Level from = level_at(a.rules, path), to = level_at(b.rules, path);
      if (const auto d = compiler::diff::difference(from, false, to, false)) offer(classes, *d, path);
    }
    confirm_nothing_is_missing(a, b, comparison, classes);
    if (HasFatalFailure()) return;
    differ += !comparison.classes.empty();
  }
  EXPECT_GT(differ, 20);
}

// Rules in another order, twice, and rules that change nothing.
TEST(Compare, EqualIsSaidOfPoliciesThatMeanTheSame) {
  std::mt19937 random(24);
  for (int round = 0; round < 300; ++round) {
    const Policy a = policy_of(random_rules(random, {.rules = 6, .depth = 3, .names = 3}));
    lang::RuleSet rules = a.rules;
    const size_t count = rules.rules.size();
    for (size_t i = 0; i < count; ++i) {
      lang::Rule rule = rules.rules[i];
      if (random() % 3 == 0) {
        rules.rules.push_back(rule);
      } else if (random() % 3 == 0 && rule.except.empty()) {
        // The same below a further name says nothing new.
        for (lang::RulePattern &p : rule.patterns) {
          for (lang::PathPattern &alternative : p.alternatives) {
            alternative.components.push_back({false, {{lang::ByteSet::single('a'), false}}});
          }
        }
        rules.rules.push_back(rule);
      }
    }
    std::ranges::shuffle(rules.rules, random);
    compiler::BuildResult built = compiler::build_automaton(rules, compiler::Budget{});
    ASSERT_TRUE(built.automaton);
    auto decoded = table::decode(table::encode(compiler::emit_table(rules, *built.automaton)));
    ASSERT_TRUE(std::holds_alternative<table::Table>(decoded));
    const Comparison comparison = compare(a.table, std::get<table::Table>(decoded));
    ASSERT_EQ(comparison.verdict, Comparison::Verdict::equal)
        << comparison.classes.front().witnesses.front().path << "\n"
        << a.text;
    ASSERT_TRUE(comparison.classes.empty());
  }
}

TEST(Compare, APassedBudgetIsNeverEqual) {
  std::mt19937 random(25);
  int passed = 0;
  for (int round = 0; round < 60; ++round) {
    const Policy a = policy_of(random_rules(random, {.rules = 6, .depth = 3, .names = 3}));
    for (const uint64_t budget : {1, 3, 10, 30}) {
      const Comparison comparison = compare(a.table, a.table, {.max_pairs = budget});
      ASSERT_TRUE(comparison.classes.empty());
      passed += comparison.verdict == Comparison::Verdict::over_budget;
      if (comparison.pairs > budget) {
        ASSERT_EQ(comparison.verdict, Comparison::Verdict::over_budget);
      }
    }
    ASSERT_EQ(compare(a.table, a.table).verdict, Comparison::Verdict::equal);
  }
  EXPECT_GT(passed, 100);
}

// A changed rule behind the first one is named too, an unchanged one is not.
TEST(Compare, EachChangedRuleHasAWitness) {
  const Policy a = policy_of("allow view /\nlimit view **/x\nlimit view **/yy\n");
  const Policy b =
      policy_of("allow view /\nallow read /aa\nallow read /bb/c\nlimit view **/x\nlimit view **/yy\n");
  const Comparison comparison = compare(a.table, b.table);
  ASSERT_EQ(comparison.classes.size(), 1u);
  const std::vector<compiler::diff::Witness> &witnesses = comparison.classes[0].witnesses;
  ASSERT_EQ(witnesses.size(), 2u);
  EXPECT_EQ(witnesses[0].path, "/aa");
  EXPECT_EQ(b.table.rule(witnesses[0].new_rule).text, "allow read /aa");
  EXPECT_EQ(witnesses[1].path, "/bb/c");
  EXPECT_EQ(b.table.rule(witnesses[1].new_rule).text, "allow read /bb/c");
  EXPECT_EQ(a.table.rule(witnesses[1].old_rule).text, "allow view /");
}

}  // namespace
}  // namespace agentfense::tests
