// Joint letters against trying all short names.
#include "compiler/diff/letters.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

#include "compiler/analysis/path_order.h"
#include "compiler/automaton/automaton.h"
#include "compiler/emit_table.h"
#include "compiler/table/encode.h"
#include "compiler/table/table.h"
#include "tests/automaton/random_rules.h"
#include "tests/reference/rule_text.h"

namespace agentfense::tests {
namespace {

table::Table table_of(const std::string &text) {
  const lang::RuleSet rules = reference::rules_of(text);
  compiler::BuildResult built = compiler::build_automaton(rules, compiler::Budget{});
  auto decoded = table::decode(table::encode(compiler::emit_table(rules, *built.automaton)));
  return std::move(std::get<table::Table>(decoded));
}

// All names of up to three of these bytes, but "." and "..".
std::vector<std::string> short_names() {
  const std::string bytes = "ab.cAB1-\x01\xff";
  std::vector<std::string> names, layer{""};
  for (int length = 0; length < 3; ++length) {
    std::vector<std::string> next;
    for (const std::string &name : layer) {
      for (const char byte : bytes) next.push_back(name + byte);
    }
    names.insert(names.end(), next.begin(), next.end());
    layer = std::move(next);
  }
  std::erase(names, ".");
  std::erase(names, "..");
  return names;
}

void check(const std::string &one, const std::string &other, const std::vector<std::string> &names) {
  const table::Table a = table_of(one), b = table_of(other);
  const auto letters = compiler::diff::joint_letters(a.image().classifier, b.image().classifier, 1'000'000);
  ASSERT_TRUE(letters);
  std::map<std::pair<uint32_t, uint32_t>, std::string> least;
  for (const std::string &name : names) {
    const auto [it, fresh] = least.try_emplace({a.classify(name), b.classify(name)}, name);
    if (!fresh && compiler::path_less(name, it->second)) it->second = name;
  }
  for (size_t i = 0; i < letters->size(); ++i) {
    const compiler::diff::Letter &letter = (*letters)[i];
    ASSERT_EQ(a.classify(letter.name), letter.old_class) << letter.name;
    ASSERT_EQ(b.classify(letter.name), letter.new_class) << letter.name;
    if (i > 0) {
      ASSERT_TRUE(compiler::path_less((*letters)[i - 1].name, letter.name)) << letter.name;
    }
    ASSERT_NE(letter.name, ".");
    ASSERT_NE(letter.name, "..");
    const auto it = least.find({letter.old_class, letter.new_class});
    if (it == least.end()) continue;
    ASSERT_FALSE(compiler::path_less(it->second, letter.name))
        << it->second << " is less than " << letter.name;
    least.erase(it);
  }
  ASSERT_TRUE(least.empty()) << least.begin()->second << " has a letter that was not found\n" << one << other;
}

TEST(Letters, EveryPairOfClassesOfShortNames) {
  std::mt19937 random(31);
  const std::vector<std::string> names = short_names();
  for (int round = 0; round < 100; ++round) {
    check(random_rules(random, {.rules = 4, .depth = 2, .names = 3}),
          random_rules(random, {.rules = 4, .depth = 2, .names = 3}), names);
    if (HasFatalFailure()) return;
  }
}

TEST(Letters, NamesOfDots) {
  const std::vector<std::string> names = short_names();
  const std::vector<std::string> globs = {"?.",    "??",    ".?",   "*.",       "?.?", "..?",
                                          "[!a].", "[.a].", "[.a]", "[.1][.1]", "?",   "[.]*"};
  for (const std::string &one : globs) {
    for (const std::string &other : globs) {
      check("allow read /" + one + "\n", "allow read **/" + other + "\n", names);
      if (HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace agentfense::tests
