// Naive reference = automaton = encoded and decoded table, in levels, deciding rules and flags.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "compiler/analysis/walk_path.h"
#include "compiler/automaton/automaton.h"
#include "compiler/emit_table.h"
#include "compiler/proof/prove.h"
#include "compiler/table/encode.h"
#include "compiler/table/table.h"
#include "tests/automaton/random_rules.h"
#include "tests/reference/naive.h"
#include "tests/reference/rule_text.h"

namespace agentfense::tests {
namespace {

using lang::Level;

struct Built {
  lang::RuleSet rules;
  compiler::Automaton automaton;
  table::Table table;
};

// Builds without the pipeline, so that findings (dead rules) do not stop it.
Built build(const std::string &text) {
  lang::RuleSet rules = reference::rules_of(text);
  compiler::BuildResult built = compiler::build_automaton(rules, compiler::Budget{});
  if (!built.automaton) throw std::runtime_error("too complex: " + text);
  auto decoded = table::decode(table::encode(compiler::emit_table(rules, *built.automaton)));
  if (auto *error = std::get_if<table::DecodeError>(&decoded)) {
    throw std::runtime_error(error->check + ": " + error->message + "\n" + text);
  }
  return {std::move(rules), std::move(*built.automaton), std::move(std::get<table::Table>(decoded))};
}

void expect_equal(const Built &b, const std::string &path, const std::string &text) {
  const reference::Answer expected = reference::evaluate(b.rules, path);
  const compiler::WalkedPath walked = compiler::walk_path(b.automaton, path);
  ASSERT_EQ(walked.level, expected.level) << path << "\n" << text;
  ASSERT_EQ(walked.rule, expected.rule) << path << "\n" << text;
  const table::Explained explained = b.table.explain(path);
  ASSERT_EQ(static_cast<Level>(explained.info.level), expected.level) << path << "\n" << text;
  ASSERT_EQ(explained.rule, expected.rule) << path << "\n" << text;
}

// What a state says of everything below it, seen from the outside. Paths below are tried down to
// `depth`, deep enough for patterns that short.
void expect_flags(const Built &b, const std::string &path, const std::vector<std::string> &below,
                  const std::vector<std::string> &names, const std::string &text) {
  const table::StateInfo info = b.table.explain(path).info;
  bool visible = false, child_writable = false;
  bool seen[4] = {};
  for (const std::string &tail : below) {
    if (tail == "/") continue;
    const Level level = reference::evaluate(b.rules, path == "/" ? tail : path + tail).level;
    visible |= level > Level::none;
    seen[static_cast<int>(level)] = true;
  }
  for (const std::string &name : names) {
    child_writable |=
        reference::evaluate(b.rules, (path == "/" ? "" : path) + "/" + name).level == Level::write;
  }
  ASSERT_EQ(info.visible_below, visible) << path << "\n" << text;
  const int kinds = seen[0] + seen[1] + seen[2] + seen[3];
  ASSERT_EQ(info.uniform_below, kinds == 1) << path << "\n" << text;
  if (kinds == 1) {
    ASSERT_TRUE(seen[static_cast<int>(info.below)]) << path << "\n" << text;
  }
  ASSERT_EQ(info.writable_child, child_writable) << path << "\n" << text;
}

TEST(Differential, EveryPairOfSmallRulesOnEverySmallPath) {
  const std::vector<std::string> patterns = {"/",     "/a",      "/*",     "/a/b", "/a/*", "**/a",
                                             "**/a*", "/a/**/b", "**/a/b", "/?/a", "/[!a]"};
  const std::vector<std::string> heads = {"allow read ", "allow write ", "limit none ", "limit view "};
  const std::vector<std::string> paths = all_paths({"a", "b", "ab"}, 3);
  std::vector<std::string> rules;
  for (const std::string &head : heads) {
    for (const std::string &pattern : patterns) rules.push_back(head + pattern);
  }
  for (const std::string &pattern : patterns) rules.push_back("limit none " + pattern + " except /a/b");
  for (const std::string &first : rules) {
    for (const std::string &second : rules) {
      const std::string text = first + "\n" + second + "\n";
      const Built b = build(text);
      for (const std::string &path : paths) expect_equal(b, path, text);
      if (HasFatalFailure()) return;
    }
  }
}

// "." and ".." are no names, but lead to states that names lead to.
TEST(Differential, NamesOfDots) {
  const std::vector<std::string> paths =
      all_paths({"a", "1", "a.", "1.", "b.", ".a", "..a", "a..", "...", ".a."}, 2);
  for (const std::string glob : {"?.", "??", ".?", "*.", "?.?", "..?", "?..", "?.*", "[!a].", "[.a].", "[.a]",
                                 "[.1]", "[.1][.1]", "[.1].", "?[.1]", "[!a]"}) {
    for (const std::string head : {"/", "**/", "/*/"}) {
      const std::string text = "allow read /\nlimit none " + head + glob + "\n";
      const Built b = build(text);
      for (const std::string &path : paths) expect_equal(b, path, text);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(Differential, RandomRulesOnAllSmallPaths) {
  std::mt19937 random(1);
  const Shape shape{.rules = 5, .depth = 3, .names = 2};
  const std::vector<std::string> paths = all_paths({"a", "b", "c", "ab", "ba", "aab"}, 3);
  for (int round = 0; round < 600; ++round) {
    const std::string text = random_rules(random, shape);
    const Built b = build(text);
    for (const std::string &path : paths) expect_equal(b, path, text);
    if (HasFatalFailure()) return;
  }
}

TEST(Differential, FlagsTellWhatIsBelow) {
  std::mt19937 random(2);
  const Shape shape{.rules = 4, .depth = 2, .names = 2};
  // Names that between them have every letter that patterns over {a, b} can tell apart.
  const std::vector<std::string> names = {"a",    "b",    "c",   "aa",  "ab",  "ba",  "bb",  "ca",  "cb",
                                          "ac",   "bc",   "cc",  "aca", "acb", "bca", "bcb", "cac", "cbc",
                                          "cabc", "cbac", "aba", "bab", "abc", "bac", "cab", "cba"};
  const std::vector<std::string> below = all_paths(names, 2);
  for (int round = 0; round < 120; ++round) {
    const std::string text = random_rules(random, shape);
    const Built b = build(text);
    for (const std::string path : {"/", "/a", "/b", "/c", "/ab", "/a/b", "/b/a", "/c/c"}) {
      expect_flags(b, path, below, names, text);
    }
    if (HasFatalFailure()) return;
  }
}

TEST(Differential, LargeRandomRulesOnRandomPaths) {
  std::mt19937 random(3);
  const Shape shape{.rules = 60, .depth = 3, .names = 12, .excepts = false};
  for (int round = 0; round < 8; ++round) {
    std::string text =
        random_rules(random, shape) + random_rules(random, {.rules = 3, .depth = 2, .names = 12});
    const Built b = build(text);
    for (int i = 0; i < 4000; ++i) expect_equal(b, random_path(random, shape), text);
    if (HasFatalFailure()) return;
  }
}

TEST(Differential, AlikeMeansTheSameLevelsBelow) {
  std::mt19937 random(4);
  const Shape shape{.rules = 4, .depth = 3, .names = 2};
  const std::vector<std::string> paths = all_paths({"a", "b", "ab"}, 2);
  const std::vector<std::string> below = all_paths({"a", "b", "c", "ab", "ba", "aa", "bb"}, 3);
  for (int round = 0; round < 60; ++round) {
    const std::string text = random_rules(random, shape);
    const Built b = build(text);
    for (const std::string &p : paths) {
      for (const std::string &q : paths) {
        if (b.table.explain(p).info.alike != b.table.explain(q).info.alike) continue;
        for (const std::string &tail : below) {
          const std::string end = tail == "/" ? "" : tail;
          ASSERT_EQ(reference::evaluate(b.rules, p == "/" ? tail : p + end).level,
                    reference::evaluate(b.rules, q == "/" ? tail : q + end).level)
              << p << " and " << q << " below " << tail << "\n"
              << text;
        }
      }
    }
  }
}

TEST(Proof, HoldsForWhatIsBuilt) {
  std::mt19937 random(5);
  for (int round = 0; round < 400; ++round) {
    const std::string text = random_rules(random, {.rules = 6, .depth = 3, .names = 3});
    const Built b = build(text);
    const compiler::Proof proof = compiler::prove(b.rules, b.table);
    ASSERT_EQ(proof.verdict, compiler::Proof::Verdict::equal) << proof.path << ": " << proof.detail << "\n"
                                                              << text;
  }
}

// The proof must be able to fail: against rules that differ in one level it does, and its path is a
// path where the two really differ.
TEST(Proof, FindsEachDifference) {
  std::mt19937 random(6);
  int differing = 0;
  for (int round = 0; round < 400; ++round) {
    const std::string text = random_rules(random, {.rules = 4, .depth = 2, .names = 2});
    const Built b = build(text);
    lang::RuleSet other = b.rules;
    lang::Rule &changed = other.rules[random() % other.rules.size()];
    changed.level = static_cast<Level>((static_cast<unsigned>(changed.level) + 1 + random() % 3) % 4);
    const compiler::Proof proof = compiler::prove(other, b.table);
    if (proof.verdict == compiler::Proof::Verdict::equal) {
      for (const std::string &path : all_paths({"a", "b", "c", "ab", "ba", "aa"}, 3)) {
        ASSERT_EQ(reference::evaluate(other, path).level, reference::evaluate(b.rules, path).level)
            << path << "\n"
            << text;
      }
    } else if (proof.detail.starts_with("the table says")) {
      ++differing;
      ASSERT_NE(reference::evaluate(other, proof.path).level, reference::evaluate(b.rules, proof.path).level)
          << proof.path << "\n"
          << text;
    }
  }
  EXPECT_GT(differing, 100);
}

// Deciding rules too: a label that names a rule of another kind or level, or none where one decides, is
// found.
TEST(Proof, FindsWrongDecidingRules) {
  std::mt19937 random(7);
  int tried = 0, found = 0;
  for (int round = 0; round < 200; ++round) {
    const std::string text = random_rules(random, {.rules = 4, .depth = 2, .names = 2});
    const Built b = build(text);
    table::Image image = b.table.image();
    if (image.labels.size() < 2) continue;
    std::vector<table::SlotUpdate> &label = image.labels[1 + random() % (image.labels.size() - 1)];
    if (random() % 2 == 0) {
      label.clear();
    } else {
      const uint32_t was = label[0].rule;
      label[0].rule = (was + 1) % static_cast<uint32_t>(b.rules.rules.size());
      if (b.rules.rules[was].level == b.rules.rules[label[0].rule].level) continue;
    }
    auto decoded = table::decode(table::encode(image));
    ASSERT_TRUE(std::holds_alternative<table::Table>(decoded)) << text;
    ++tried;
    found += compiler::prove(b.rules, std::get<table::Table>(decoded)).verdict ==
             compiler::Proof::Verdict::differs;
  }
  EXPECT_GT(tried, 80);
  EXPECT_GT(found, tried / 2) << tried;  // some label slots that never decide
}

// Alike must not be finer than it need be either: a directory could then not be renamed where nothing
// speaks against it.
TEST(Alike, EqualSubtreesAreAlike) {
  const Built b = build(
      "allow write /src\nallow write /lib\nlimit read /src/**/*.gen\nlimit read /lib/**/*.gen\nallow read "
      "/doc\n");
  const auto alike = [&](const char *path) { return b.table.explain(path).info.alike; };
  EXPECT_EQ(alike("/src"), alike("/lib"));
  EXPECT_EQ(alike("/src/a/b"), alike("/lib"));
  EXPECT_EQ(alike("/src/x.gen"), alike("/lib/x.gen"));
  EXPECT_EQ(alike("/doc"), alike("/src/x.gen"));
  EXPECT_NE(alike("/src"), alike("/doc"));
}

}  // namespace
}  // namespace agentfense::tests
