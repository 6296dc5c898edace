// .expect files, and the coverage of tests by brute force.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compiler/expect/expect_file.h"
#include "compiler/expect/run_tests.h"
#include "lang/print_diagnostics.h"
#include "tests/reference/rule_text.h"

namespace agentfense::tests {
namespace {

using namespace compiler;
using lang::Level;
using testing::ElementsAre;

struct Parsed {
  ExpectFile file;
  std::vector<std::string> tests, codes;
  std::string printed;
};

Parsed parse(const std::string &text, const lang::ParamValues &params = {}) {
  Parsed out;
  lang::Diagnostics diagnostics;
  out.file = parse_expect_file(0, text, params, diagnostics);
  for (const lang::TestCase &t : out.file.tests) {
    out.tests.push_back(std::to_string(t.place.line) + " " + lang::level_name(t.level) + " " + t.path);
  }
  for (const lang::Diagnostic &d : diagnostics.all()) {
    out.codes.push_back(std::to_string(d.place.line) + " " + std::string(lang::code_name(d.code)));
  }
  out.printed = lang::print_diagnostics(diagnostics.all(), {{"x.expect", text}});
  return out;
}

TEST(ExpectFile, ReadsWhatATestBlockReads) {
  const Parsed p = parse(
      "# about\npolicy review  # that one\n\nread /a, /b/c,\n  # between\n  /d\r\nnone \"/My Docs\", "
      "/x/${who}\nwrite /",
      {{"who", "u42"}});
  EXPECT_EQ(p.printed, "");
  EXPECT_EQ(p.file.policy, "review");
  EXPECT_THAT(p.tests, ElementsAre("4 read /a", "4 read /b/c", "6 read /d", "7 none /My Docs",
                                   "7 none /x/u42", "8 write /"));
}

TEST(ExpectFile, ReportsEveryErrorAndKeepsTheRest) {
  const Parsed p = parse(
      "raed /a\nread\nread /a /b\nread src\nread /a*\nread \"/x\nnone /ok\npolicy late\nread /a,\nread "
      "/x/${no}\n");
  EXPECT_THAT(p.codes, ElementsAre("1 expected-level", "2 expected-pattern", "3 expected-comma",
                                   "4 relative-path", "5 glob-in-test", "6 unclosed-quote",
                                   "8 misplaced-statement", "10 relative-path", "10 expected-comma"));
  EXPECT_THAT(p.tests, ElementsAre("3 read /a", "7 none /ok", "9 read /a"));
  EXPECT_NE(p.printed.find("did you mean `read`?"), std::string::npos);
}

TEST(ExpectFile, OddBytesAreErrors) {
  EXPECT_THAT(parse(std::string("read /a\0b", 9)).codes, ElementsAre("1 nul-byte"));
  EXPECT_THAT(parse("\xef\xbb\xbfread /a").codes, ElementsAre("1 byte-order-mark"));
  EXPECT_THAT(parse("read /a\x1b[31m\n").codes, ElementsAre("1 needs-quotes"));
  EXPECT_FALSE(parse("read \"\"\n").codes.empty());
  std::string many;
  for (int i = 0; i < 1'000'000; ++i) many += "x\n";
  EXPECT_LE(parse(many).codes.size(), lang::kMaxErrors);
}

TEST(Coverage, CountsPatternsAndExceptions) {
  const lang::RuleSet rules = reference::rules_of(
      "allow read /\nallow write /out, /never\nlimit none /a, /b except /a/x, /b/y\nallow view /a\n");
  const BuildResult built = build_automaton(rules, {});
  ASSERT_TRUE(built.automaton);
  const std::vector<TestResult> results = run_tests(
      *built.automaton, {{Level::write, "/out/f", {}}, {Level::read, "/a/x", {}}, {Level::none, "/src", {}}});
  EXPECT_TRUE(results[0].passed());
  EXPECT_TRUE(results[1].passed());
  EXPECT_FALSE(results[2].passed());
  EXPECT_EQ(results[2].actual, Level::read);
  const Coverage c = measure_coverage(rules, results);
  ASSERT_EQ(c.patterns.size(), 8u);
  std::vector<bool> touched;
  for (const CoveredPattern &p : c.patterns) touched.push_back(p.touched);
  EXPECT_THAT(touched, ElementsAre(true, true, false, true, false, true, false, true));
  EXPECT_EQ(c.touched, 5u);
  EXPECT_DOUBLE_EQ(c.percent(), 62.5);
  EXPECT_THAT(c.idle, ElementsAre(2, 3));
}

TEST(Coverage, LeavesPresetsOutButNotTheExceptionsToThem) {
  lang::RuleSet rules =
      reference::rules_of("limit none /a except /a/x\nlimit none /b except /a/x\nallow read /\n");
  rules.files.push_back({"preset:x", ""});
  for (int i = 0; i < 2; ++i) {
    rules.rules[i].inherited = true;
    rules.rules[i].place.file = 1;
    rules.rules[i].except[0].place = {0, 1, 30, 0, 4};
  }
  const BuildResult built = build_automaton(rules, {});
  const Coverage c = measure_coverage(rules, run_tests(*built.automaton, {{Level::read, "/a/x", {}}}));
  ASSERT_EQ(c.patterns.size(), 2u);
  EXPECT_TRUE(c.patterns[0].except && c.patterns[0].touched);
  EXPECT_DOUBLE_EQ(c.percent(), 100.0);
}

}  // namespace
}  // namespace agentfense::tests
