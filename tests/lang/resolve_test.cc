// What extends, except, sealed, sets, params and nocase come to in the RuleSet.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lang/dump.h"
#include "memory_files.h"

namespace agentfense::lang {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string spell(const std::vector<RulePattern> &patterns) {
  std::string out;
  for (const RulePattern &p : patterns) out += (out.empty() ? "" : ", ") + p.text;
  return out;
}

// "limit none /a except /b (p)", with * where inherited.
std::vector<std::string> rules_of(const Loaded &loaded) {
  std::vector<std::string> out;
  if (!loaded.result.rules) return {"no rules: " + loaded.printed};
  for (const Rule &r : loaded.result.rules->rules) {
    std::string line = r.inherited ? "*" : "";
    line += std::string(r.kind == Rule::Kind::allow ? "allow " : "limit ") + level_name(r.level) + " ";
    line += spell(r.patterns);
    if (!r.except.empty()) line += " except " + spell(r.except);
    out.push_back(line + " (" + r.policy + ")");
  }
  return out;
}

LoadOptions choose(const std::string &policy) {
  LoadOptions options;
  options.policy = policy;
  return options;
}

TEST(Resolve, TakesRulesButNotTests) {
  Loaded loaded = load_text(R"(agentfense 1
policy base {
  allow read /
  never write /a "why"
  test { read /x }
}
policy p extends base {
  limit none /b
  test {
    none /b
  }
}
)",
                            choose("p"));
  EXPECT_THAT(rules_of(loaded), ElementsAre("*allow read / (base)", "limit none /b (p)"));
  ASSERT_TRUE(loaded.result.rules);
  ASSERT_EQ(loaded.result.rules->nevers.size(), 1u);
  EXPECT_TRUE(loaded.result.rules->nevers[0].inherited);
  EXPECT_EQ(loaded.result.rules->nevers[0].reason, "why");
  ASSERT_EQ(loaded.result.rules->tests.size(), 1u);
  EXPECT_EQ(loaded.result.rules->tests[0].path, "/b");
}

TEST(Resolve, PutsTheExceptOnEveryLimitThatItBrings) {
  Loaded loaded = load_text(R"(agentfense 1
policy a {
  allow read /
  limit none /a except /a/x
  limit view /b
}
policy b {
  limit none /c
}
policy p extends a except /open extends b {
  limit none /d
}
)",
                            choose("p"));
  EXPECT_THAT(rules_of(loaded),
              ElementsAre("*allow read / (a)", "*limit none /a except /a/x, /open (a)",
                          "*limit view /b except /open (a)", "*limit none /c (b)", "limit none /d (p)"));
}

TEST(Resolve, CollectsExceptsOnTheWayDown) {
  Loaded loaded = load_text(R"(agentfense 1
policy a {
  limit none /a
}
policy b extends a except /a/b {
}
policy c extends b except /a/c {
}
)",
                            choose("c"));
  EXPECT_THAT(rules_of(loaded), ElementsAre("*limit none /a except /a/b, /a/c (a)"));
}

TEST(Resolve, KeepsADiamondOnce) {
  Loaded loaded = load_text(R"(agentfense 1
policy top {
  allow read /
  limit none /a
  never write /n
}
policy left extends top {
}
policy right extends top {
}
policy p extends left, right, top {
}
)",
                            choose("p"));
  EXPECT_THAT(rules_of(loaded), ElementsAre("*allow read / (top)", "*limit none /a (top)"));
  ASSERT_TRUE(loaded.result.rules);
  EXPECT_EQ(loaded.result.rules->nevers.size(), 1u);
}

// The way without the except still hides: only a limit's own line and every way to it can open it.
TEST(Resolve, KeepsBothWaysWhereOnlyOneHasAnExcept) {
  Loaded loaded = load_text(R"(agentfense 1
policy top {
  limit none /a
}
policy left extends top except /a/x {
}
policy p extends left, top {
}
)",
                            choose("p"));
  EXPECT_THAT(rules_of(loaded), ElementsAre("*limit none /a except /a/x (top)", "*limit none /a (top)"));
}

TEST(Resolve, SealHoldsForAllFurtherPolicies) {
  std::string text = R"(agentfense 1
policy base {
  limit none /a
}
policy shut extends base sealed {
}
policy further extends shut {
}
policy p extends further except /a/x {
}
)";
  EXPECT_THAT(load_text(text, choose("p")).codes, ElementsAre("sealed-except"));
  EXPECT_THAT(load_text(text, choose("further")).codes, ElementsAre("sealed-except"))
      << "an error of the file, whichever policy is chosen";
}

TEST(Resolve, SealAllowsAnExceptOnOtherLimits) {
  Loaded loaded = load_text(R"(agentfense 1
policy base {
  limit none /a
}
policy other {
  limit none /b
}
policy p extends base sealed extends other except /b/x {
}
)",
                            choose("p"));
  EXPECT_THAT(rules_of(loaded), ElementsAre("*limit none /a (base)", "*limit none /b except /b/x (other)"));
}

TEST(Resolve, SealOnOneWayOfADiamondSeals) {
  Loaded loaded = load_text(R"(agentfense 1
policy top {
  limit none /a
}
policy open extends top {
}
policy shut extends top sealed {
}
policy both extends open, shut {
}
policy p extends both except /a/x {
}
)",
                            choose("p"));
  EXPECT_THAT(loaded.codes, ElementsAre("sealed-except"));
}

TEST(Resolve, SealDoesNotConcernAllows) {
  Loaded loaded = load_text(R"(agentfense 1
policy base {
  allow read /
}
policy shut extends base sealed {
}
policy p extends shut except /a {
}
)",
                            choose("p"));
  EXPECT_THAT(loaded.codes, ElementsAre("useless-except"));
  EXPECT_TRUE(loaded.result.rules);
}

TEST(Resolve, ExpandsSetsInSets) {
  Loaded loaded = load_text(R"(agentfense 1
set a = { /a, "/b c",
  /d }
set b = {
  a
  ,
  /e,
}
policy p {
  allow read b, /f
}
)");
  EXPECT_THAT(rules_of(loaded), ElementsAre("allow read /a, \"/b c\", /d, /e, /f (p)"));
  ASSERT_TRUE(loaded.result.rules);
  const Rule &rule = loaded.result.rules->rules[0];
  EXPECT_EQ(rule.text, "allow read b, /f");
  EXPECT_EQ(rule.patterns[0].place.line, 2u) << "where the pattern is written";
}

TEST(Resolve, FoldsTheWholeRuleAndNoOther) {
  Loaded loaded = load_text(R"(agentfense 1
set keys = { **/*.k }
policy base {
  limit none nocase keys except /A
  limit none keys
}
policy p extends base except /x {
}
)",
                            choose("p"));
  ASSERT_TRUE(loaded.result.rules) << loaded.printed;
  const auto &rules = loaded.result.rules->rules;
  EXPECT_TRUE(rules[0].nocase);
  EXPECT_EQ(dump_pattern(rules[0].patterns[0].alternatives[0]), "/**/*.[Kk]");
  EXPECT_EQ(dump_pattern(rules[0].except[0].alternatives[0]), "/[Aa]");
  EXPECT_EQ(dump_pattern(rules[0].except[1].alternatives[0]), "/x") << "an extends folds nothing";
  EXPECT_EQ(dump_pattern(rules[1].patterns[0].alternatives[0]), "/**/*.k");
}

TEST(Resolve, PutsValuesInLiterally) {
  LoadOptions options;
  options.defines = {{"a", "*.[k]"}};
  Loaded loaded = load_text(R"(agentfense 1
param a = "x"
param b = "d"
policy p {
  allow read /${a}/${b}
  test {
    read "/${a}"
  }
}
)",
                            options);
  EXPECT_THAT(rules_of(loaded), ElementsAre("allow read \"/\\*.\\[k\\]/d\" (p)"))
      << "a lone ] is literal, and is escaped all the same";
  ASSERT_TRUE(loaded.result.rules);
  EXPECT_EQ(loaded.result.rules->tests[0].path, "/*.[k]");
}

TEST(Resolve, GivesDefinesToPresetsToo) {
  MemoryFiles files{{"main.afp", "agentfense 1\npolicy p extends preset:q {\n}\n"},
                    {"presets/q.afp", "agentfense 1\nparam t\npolicy q {\n  allow read /${t}\n}\n"}};
  LoadOptions options;
  options.preset_dirs = {"elsewhere", "presets"};
  options.defines = {{"t", "u"}};
  EXPECT_THAT(rules_of(load(files, options)), ElementsAre("*allow read /u (q)"));
}

TEST(Resolve, KeepsTheNamesOfPresetsApart) {
  MemoryFiles files{
      {"main.afp", "agentfense 1\nset s = { /mine }\npolicy q extends preset:q {\n  allow write s\n}\n"},
      {"presets/q.afp", "agentfense 1\nset s = { /theirs }\npolicy q {\n  allow read s\n}\n"}};
  LoadOptions options;
  options.preset_dirs = {"presets"};
  EXPECT_THAT(rules_of(load(files, options)),
              ElementsAre("*allow read /theirs (q)", "allow write /mine (q)"));
}

TEST(Resolve, ChoosesThePolicyOfAPreset) {
  MemoryFiles files{
      {"presets/q.afp", "agentfense 1\npolicy r {\n}\npolicy q extends r {\n  allow read /\n}\n"}};
  LoadOptions options;
  options.preset_dirs = {"presets"};
  Loaded loaded = load(files, options, "preset:q");
  EXPECT_THAT(rules_of(loaded), ElementsAre("allow read / (q)"));
  EXPECT_EQ(loaded.result.files[0].name, "preset:q");
}

TEST(Resolve, FindsErrorsInPoliciesThatAreNotChosen) {
  Loaded loaded = load_text(R"(agentfense 1
policy p {
  allow read /
}
policy q {
  allow read /a**
}
)",
                            choose("p"));
  EXPECT_THAT(loaded.codes, ElementsAre("double-star"));
  EXPECT_FALSE(loaded.result.rules);
}

TEST(Resolve, DoesNotBlameUsersOfBrokenNames) {
  Loaded loaded = load_text(R"(agentfense 1
set a = { /a** }
param b = "x/y"
policy base {
  allow raed /
}
policy p extends base {
  allow read a, /${b}
}
)",
                            choose("p"));
  EXPECT_THAT(loaded.codes, ElementsAre("double-star", "bad-value", "expected-level"));
}

TEST(Resolve, KeepsTextReasonAndPlace) {
  Loaded loaded = load_body(
      "  limit   none nocase /a,\n    \"/b c\"  except /d   \"it's \\\"so\\\" \\\\ \\x41\"  # comment");
  ASSERT_TRUE(loaded.result.rules) << loaded.printed;
  const Rule &rule = loaded.result.rules->rules[0];
  EXPECT_EQ(rule.text, "limit none nocase /a, \"/b c\" except /d");
  EXPECT_EQ(rule.reason, "it's \"so\" \\ A");
  EXPECT_EQ(rule.place.line, 3u);
  EXPECT_EQ(rule.place.column, 3u);
  EXPECT_EQ(loaded.result.rules->files[0].text.substr(rule.place.offset, 5), "limit");
  EXPECT_EQ(loaded.result.rules->files[0].text.substr(rule.place.offset + rule.place.length - 4, 4), "x41\"");
}

// A chain as long as a file can hold, and a fan: bounded, without recursion.
TEST(Resolve, LongChainsEndInAnError) {
  std::string text = "agentfense 1\npolicy p0 {\n  allow read /\n}\n";
  for (int i = 1; i < 5000; ++i) {
    text +=
        "policy p" + std::to_string(i) + " extends p" + std::to_string(i - 1) + " {\n  allow read /a\n}\n";
  }
  EXPECT_THAT(load_text(text, choose("p4999")).codes, ElementsAre("too-many-rules"));
  std::string ring = "agentfense 1\n";
  for (int i = 0; i < 50000; ++i) {
    ring += "policy p" + std::to_string(i) + " extends p" + std::to_string((i + 1) % 50000) + " {\n}\n";
  }
  EXPECT_THAT(load_text(ring, choose("p0")).codes, ElementsAre("extends-cycle"));
}

TEST(Extends, SaysWhereExceptionsCanBeWritten) {
  const std::string text =
      "agentfense 1\n"
      "policy base { limit none /a\n limit none /b except /b/c \"why\"\n}\n"
      "policy lid extends base sealed {}\n"
      "policy p extends base except /x, /y extends base extends lid { allow read / \"all\"\n}\n";
  LoadOptions options;
  options.policy = "p";
  const Loaded loaded = load_text(text, options);
  ASSERT_TRUE(loaded.result.rules) << loaded.printed;
  const RuleSet &rules = *loaded.result.rules;
  const auto behind = [&](const Place &place) { return text.substr(0, place.offset); };
  ASSERT_EQ(rules.extends.size(), 3u);
  EXPECT_TRUE(behind(rules.extends[0].items_end).ends_with("except /x, /y"));
  EXPECT_TRUE(rules.extends[0].has_except);
  EXPECT_FALSE(rules.extends[0].seal);
  EXPECT_TRUE(behind(rules.extends[1].items_end).ends_with("extends base"));
  EXPECT_EQ(rules.extends[1].text, "extends base");
  ASSERT_TRUE(rules.extends[2].seal);
  EXPECT_EQ(rules.extends[2].seal->line, 5u);
  EXPECT_EQ(text[rules.end.offset], '}');
  EXPECT_EQ(rules.end.line, 7u);
  // What comes by the second and the third is one rule; what the first brings has its except.
  ASSERT_EQ(rules.rules.size(), 5u);
  EXPECT_EQ(rules.rules[0].extends, std::vector<uint32_t>{0});
  EXPECT_EQ(rules.rules[2].extends, (std::vector<uint32_t>{1, 2}));
  EXPECT_TRUE(behind(rules.rules[3].items_end).ends_with("except /b/c"));
  EXPECT_TRUE(rules.rules[4].extends.empty());
  EXPECT_TRUE(behind(rules.rules[4].items_end).ends_with("allow read /"));
}

}  // namespace
}  // namespace agentfense::lang
