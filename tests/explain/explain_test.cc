// What explain claims, held against the reference: who wins, who loses and why, and that each edit gives the level
// it promises while no smaller set of edits does.
#include "compiler/explain/explain.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "compiler/analysis/checks.h"
#include "compiler/explain/changes.h"
#include "compiler/explain/edit.h"
#include "compiler/explain/path_cover.h"
#include "tests/automaton/random_rules.h"
#include "tests/reference/naive.h"
#include "tests/reference/rule_text.h"

namespace agentfense::tests {
namespace {

using namespace compiler;
using lang::Level;
using lang::Rule;
using lang::RuleSet;

constexpr Level kLevels[] = {Level::none, Level::view, Level::read, Level::write};

bool covers(const std::vector<lang::RulePattern> &patterns, const std::string &path) {
  const std::vector<std::string> names = reference::split(path);
  return std::ranges::any_of(patterns, [&](const lang::RulePattern &p) {
    return std::ranges::any_of(p.alternatives, [&](const auto &a) { return reference::covers(a, names); });
  });
}

// The shortest part of the path that the patterns cover, by trying each.
size_t shortest(const std::vector<lang::RulePattern> &patterns, const std::string &path) {
  std::string part = "/";
  size_t length = 0;
  for (const std::string &name : reference::split(path)) {
    if (covers(patterns, part)) return length;
    part += (part == "/" ? "" : "/") + name;
    ++length;
  }
  return length;
}

void check_standings(const RuleSet &rules, const std::string &path) {
  const Explanation e = explain_path(rules, path);
  const reference::Answer answer = reference::evaluate(rules, path);
  ASSERT_EQ(e.level, answer.level) << path;
  ASSERT_EQ(e.rule, answer.rule) << path;
  size_t next = 0;
  for (uint32_t r = 0; r < rules.rules.size(); ++r) {
    const Rule &rule = rules.rules[r];
    if (!covers(rule.patterns, path)) continue;
    ASSERT_LT(next, e.covering.size());
    const CoveringRule &c = e.covering[next++];
    ASSERT_EQ(c.rule, r);
    ASSERT_EQ(c.length, shortest(rule.patterns, path));
    const bool allow = rule.kind == Rule::Kind::allow;
    const Rule *winner = e.rule == kNoRule ? nullptr : &rules.rules[e.rule];
    ASSERT_EQ(c.standing == Standing::opened, !allow && covers(rule.except, path)) << rule.text;
    ASSERT_EQ(c.standing == Standing::decides, r == e.rule);
    switch (c.standing) {
      case Standing::decides:
        break;
      case Standing::opened:
        ASSERT_TRUE(covers({rule.except[c.except]}, path));
        break;
      case Standing::no_effect:
        ASSERT_EQ(rule.level, allow ? Level::none : Level::write);
        break;
      case Standing::lowered:
        ASSERT_TRUE(allow && winner && winner->kind == Rule::Kind::limit && winner->level < rule.level);
        break;
      case Standing::limit_first:
        ASSERT_TRUE(allow && winner && winner->kind == Rule::Kind::limit && winner->level == rule.level);
        break;
      case Standing::outdone:
        ASSERT_TRUE(allow && rules.rules[c.by].kind == Rule::Kind::allow);
        ASSERT_GT(rules.rules[c.by].level, rule.level);
        ASSERT_TRUE(covers(rules.rules[c.by].patterns, path));
        break;
      case Standing::above:
        ASSERT_TRUE(!allow && rule.level > e.level);
        break;
      case Standing::further_up:
        ASSERT_TRUE(winner && winner->kind == rule.kind && winner->level == rule.level);
        ASSERT_LT(shortest(winner->patterns, path), c.length);
        break;
      case Standing::later:
        ASSERT_TRUE(winner && winner->kind == rule.kind && winner->level == rule.level && e.rule < r);
        ASSERT_EQ(shortest(winner->patterns, path), c.length);
        break;
    }
  }
  ASSERT_EQ(next, e.covering.size());
}

// Every single edit that could be suggested, and more.
std::vector<Edit> all_edits(const RuleSet &rules) {
  std::vector<Edit> edits;
  for (const Level level : kLevels) {
    edits.push_back({Edit::Kind::add_allow, level});
    edits.push_back({Edit::Kind::add_limit, level});
  }
  for (uint32_t r = 0; r < rules.rules.size(); ++r) {
    if (is_preset(rules, rules.rules[r].place)) continue;
    edits.push_back({Edit::Kind::remove_rule, Level::none, r});
    if (rules.rules[r].kind == Rule::Kind::limit)
      edits.push_back({Edit::Kind::except_at_limit, Level::none, r});
  }
  for (uint32_t c = 0; c < rules.extends.size(); ++c) {
    if (!rules.extends[c].seal) edits.push_back({Edit::Kind::except_at_extends, Level::none, c});
  }
  return edits;
}

bool reaches(const RuleSet &rules, const std::vector<Edit> &edits, const std::string &path, Level level) {
  return reference::evaluate(apply(rules, edits, path), path).level == level;
}

struct Counts {
  int ways = 0, pairs = 0, larger = 0, none = 0, breaks = 0;
};

void check_changes(const RuleSet &rules, const std::string &path, Counts &counts) {
  const Explanation e = explain_path(rules, path);
  const std::vector<Change> changes = find_changes(rules, path, e);
  ASSERT_EQ(changes.size(), 3u);
  const std::vector<Edit> singles = all_edits(rules);
  for (const Change &change : changes) {
    ASSERT_NE(change.level, e.level);
    size_t size = kMaxEdits + 1;
    for (const Way &way : change.ways) {
      ++counts.ways;
      size = way.edits.size();
      ASSERT_EQ(size, change.ways[0].edits.size());
      ASSERT_TRUE(reaches(rules, way.edits, path, change.level)) << path;
      for (const Edit &edit : way.edits) {
        if (edit.kind == Edit::Kind::except_at_limit || edit.kind == Edit::Kind::remove_rule) {
          ASSERT_FALSE(is_preset(rules, rules.rules[edit.at].place));
        }
        if (edit.kind == Edit::Kind::except_at_extends) {
          ASSERT_FALSE(rules.extends[edit.at].seal);
        }
      }
    }
    if (change.ways.empty()) ++counts.none;
    if (size == 2) ++counts.pairs;
    if (size == 3) ++counts.larger;
    for (size_t i = 0; size > 1 && i < singles.size(); ++i) {
      ASSERT_FALSE(reaches(rules, {singles[i]}, path, change.level)) << path << " by edit " << i;
      for (size_t j = 0; size > 2 && j < i; ++j) {
        ASSERT_FALSE(reaches(rules, {singles[i], singles[j]}, path, change.level)) << path;
      }
    }
  }
}

// Rules as they would come by two `extends`, the second of which may be sealed, some from a preset.
RuleSet inherit(RuleSet rules, std::mt19937 &random) {
  rules.extends.resize(2);
  if (random() % 2 == 0) rules.extends[1].seal = lang::Place{};
  rules.files.push_back({"preset:x", ""});
  for (Rule &rule : rules.rules) {
    if (random() % 2 == 0) continue;
    rule.inherited = true;
    if (random() % 2 == 0) rule.place.file = 1;
    rule.extends = random() % 3 == 0   ? std::vector<uint32_t>{0, 1}
                   : random() % 2 == 0 ? std::vector<uint32_t>{0}
                                       : std::vector<uint32_t>{1};
  }
  return rules;
}

TEST(Explain, AgreesWithTheReferenceOnRandomPolicies) {
  std::mt19937 random(7);
  for (int i = 0; i < 3000; ++i) {
    Shape shape;
    shape.rules = 1 + static_cast<int>(random() % 8);
    const std::string text = random_rules(random, shape);
    SCOPED_TRACE(text);
    const RuleSet rules = reference::rules_of(text);
    for (int p = 0; p < 10; ++p) ASSERT_NO_FATAL_FAILURE(check_standings(rules, random_path(random, shape)));
  }
}

TEST(Explain, EditsGiveWhatTheyPromiseAndNoSmallerSetDoes) {
  std::mt19937 random(11);
  Counts counts;
  for (int i = 0; i < 600; ++i) {
    Shape shape;
    shape.rules = 1 + static_cast<int>(random() % 6);
    const std::string text = random_rules(random, shape);
    SCOPED_TRACE(text);
    RuleSet rules = reference::rules_of(text);
    if (i % 2 == 1) rules = inherit(std::move(rules), random);
    for (int p = 0; p < 4; ++p) {
      ASSERT_NO_FATAL_FAILURE(check_changes(rules, random_path(random, shape), counts));
    }
  }
  // The cases that matter have been met.
  EXPECT_GT(counts.ways, 1000);
  EXPECT_GT(counts.pairs, 100);
  EXPECT_GT(counts.larger, 10);
  EXPECT_GT(counts.none, 10);
}

// Every never, test and dead allow that an edit breaks is named, and nothing else: by brute force over small paths.
TEST(Explain, NamesWhatAnEditContradicts) {
  std::mt19937 random(5);
  const std::vector<std::string> paths = all_paths({"a", "b", "c", "ab", "ca"}, 3);
  int broken = 0, tests = 0;
  for (int i = 0; i < 150; ++i) {
    Shape shape;
    shape.rules = 1 + static_cast<int>(random() % 4);
    std::string text = random_rules(random, shape);
    for (const char *level : {"view", "read", "write"}) {
      text += std::string("never ") + level + " " + random_path(random, {.names = 2}) + "\n";
    }
    SCOPED_TRACE(text);
    RuleSet rules = reference::rules_of(text);
    for (int t = 0; t < 3; ++t) {
      const std::string path = paths[random() % paths.size()];
      rules.tests.push_back(
          {reference::evaluate(rules, path).level, path, {0, 1000 + static_cast<uint32_t>(t), 1, 0, 1}});
    }
    // Nevers that are broken already, by longer paths perhaps, are no news.
    const BuildResult built = build_automaton(rules, {});
    ASSERT_TRUE(built.automaton);
    Scope scope(rules, *built.automaton);
    lang::Diagnostics before;
    check_nevers(scope, before);
    const auto broken_before = [&](const lang::NeverRule &never) {
      return std::ranges::any_of(before.all(),
                                 [&](const auto &d) { return d.place.line == never.place.line; });
    };
    const std::string path = paths[random() % paths.size()];
    for (const Change &change : find_changes(rules, path, explain_path(rules, path))) {
      for (const Way &way : change.ways) {
        ASSERT_TRUE(way.breaks);
        const RuleSet after = apply(rules, way.edits, path);
        const auto named = [&](lang::Code code, uint32_t line) {
          return std::ranges::any_of(
              *way.breaks, [&](const Contradiction &c) { return c.code == code && c.place.line == line; });
        };
        for (const lang::TestCase &test : rules.tests) {
          const bool fails = reference::evaluate(after, test.path).level != test.level;
          ASSERT_EQ(named(lang::Code::test_failed, test.place.line), fails) << path;
          tests += fails;
        }
        for (const lang::NeverRule &never : rules.nevers) {
          const bool now = std::ranges::any_of(paths, [&](const std::string &p) {
            return covers(never.patterns, p) && reference::evaluate(after, p).level >= never.level;
          });
          if (!now || broken_before(never)) continue;
          ASSERT_TRUE(named(lang::Code::never_broken, never.place.line)) << path << " " << never.text;
          ++broken;
        }
        for (const Contradiction &c : *way.breaks) {
          if (c.code != lang::Code::never_broken) continue;
          const lang::NeverRule &never = *std::ranges::find_if(
              rules.nevers, [&](const auto &n) { return n.place.line == c.place.line; });
          ASSERT_TRUE(covers(never.patterns, c.example)) << c.example << " " << never.text;
          ASSERT_GE(reference::evaluate(after, c.example).level, never.level) << c.example;
        }
      }
    }
  }
  EXPECT_GT(broken, 20);
  EXPECT_GT(tests, 20);
}

TEST(Explain, PatternsSeenFromBelow) {
  std::mt19937 random(3);
  const std::vector<std::string> below = all_paths({"a", "b", "c", "ab"}, 2);
  for (int i = 0; i < 500; ++i) {
    const Shape shape{.rules = 1, .depth = 4};
    const RuleSet rules = reference::rules_of(random_rules(random, shape));
    const std::string top = random_path(random, shape);
    for (const lang::RulePattern &pattern : rules.rules[0].patterns) {
      const lang::RulePattern rest{"", {}, rest_below(pattern, path_names(top))};
      for (const std::string &p : below) {
        const std::string whole = (top == "/" ? "" : top) + (p == "/" && top != "/" ? "" : p);
        ASSERT_EQ(covers({rest}, p), covers({pattern}, whole)) << pattern.text << " " << whole;
      }
    }
  }
}

TEST(Explain, SealedPresetsAndNewPolicies) {
  RuleSet rules = reference::rules_of("allow read /\nlimit none /a\n");
  rules.files[0].name = "preset:test";
  std::vector<Change> changes = find_changes(rules, "/a", explain_path(rules, "/a"));
  ASSERT_EQ(changes[1].level, Level::read);
  ASSERT_EQ(changes[1].ways.size(), 1u);
  EXPECT_EQ(changes[1].ways[0].edits,
            (std::vector<Edit>{{Edit::Kind::except_at_extends, Level::none, kNewPolicy}}));

  rules.extends.resize(1);
  rules.extends[0].seal = lang::Place{};
  rules.rules[1].extends = {0};
  changes = find_changes(rules, "/a", explain_path(rules, "/a"));
  EXPECT_TRUE(changes[1].ways.empty());
  EXPECT_EQ(changes[1].hindrance, Change::Hindrance::sealed);
  EXPECT_EQ(changes[1].limit, 1u);
}

TEST(Explain, ManyLimitsAndLongPathsEndInWords) {
  std::string text = "allow read /\n";
  for (int i = 0; i < 2000; ++i) text += "limit none /a\n";
  const RuleSet rules = reference::rules_of(text);
  EXPECT_EQ(find_changes(rules, "/a", explain_path(rules, "/a"))[1].hindrance, Change::Hindrance::too_many);
  const std::string deep = std::string(300, 'x');
  EXPECT_EQ(find_changes(rules, "/" + deep, explain_path(rules, "/" + deep))[0].hindrance,
            Change::Hindrance::unspellable);
}

}  // namespace
}  // namespace agentfense::tests
