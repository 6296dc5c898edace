#include "lang/print_diagnostics.h"

#include <gtest/gtest.h>

#include "lang/place.h"

namespace agentfense::lang {
namespace {

std::string print_at(const std::string &text, size_t offset, size_t length, bool colour = false) {
  Diagnostics diagnostics;
  diagnostics.report(Code::dead_rule, place_at(0, text, offset, length), "message");
  PrintOptions options;
  options.colour = colour;
  return print_diagnostics(diagnostics.all(), {{"a.afp", text}}, options);
}

TEST(PrintDiagnostics, PointsAtTheStretch) {
  EXPECT_EQ(print_at("one\n  two three\n", 10, 5),
            "a.afp:2:7: error: message [dead-rule]\n"
            "    two three\n"
            "        ^~~~~\n");
}

TEST(PrintDiagnostics, PointsBehindTheLastLine) {
  EXPECT_EQ(print_at("one\n", 4, 0), "a.afp:2:1: error: message [dead-rule]\n  \n  ^\n");
  EXPECT_EQ(print_at("", 0, 0), "a.afp:1:1: error: message [dead-rule]\n  \n  ^\n");
}

TEST(PrintDiagnostics, CountsColumnsOfWideTextAndTabs) {
  EXPECT_EQ(print_at("\t\xC3\xA9 x", 4, 1), "a.afp:1:5: error: message [dead-rule]\n   \xC3\xA9 x\n     ^\n");
}

TEST(PrintDiagnostics, LeavesTheTerminalAlone) {
  std::string out = print_at(
      "a\x1b[2Jb\x7f\xff\xC2\x9B\xE2\x80\xAE"
      "c",
      1, 1);
  EXPECT_EQ(out,
            "a.afp:1:2: error: message [dead-rule]\n"
            "  a\\x1B[2Jb\\x7F\\xFF\\xC2\\x9B\\xE2\\x80\\xAE"
            "c\n"
            "   ^~~~\n");
}

TEST(PrintDiagnostics, CutsLongLines) {
  std::string line(4000, 'a');
  line[2000] = 'X';
  std::string out = print_at(line, 2000, 1);
  EXPECT_LT(out.size(), 400u);
  size_t shown = out.find('X');
  size_t caret = out.find('^');
  ASSERT_NE(shown, std::string::npos);
  size_t line_start = out.rfind('\n', shown) + 1;
  size_t caret_start = out.rfind('\n', caret) + 1;
  EXPECT_EQ(shown - line_start, caret - caret_start);
}

TEST(PrintDiagnostics, DropsCarriageReturns) {
  EXPECT_EQ(print_at("ab\r\ncd", 1, 1), "a.afp:1:2: error: message [dead-rule]\n  ab\n   ^\n");
}

TEST(PrintDiagnostics, ColoursOnlyWhereAsked) {
  EXPECT_EQ(print_at("x", 0, 1).find('\x1b'), std::string::npos);
  EXPECT_NE(print_at("x", 0, 1, true).find("\x1b[1;31merror:"), std::string::npos);
}

TEST(PrintDiagnostics, ShowsExampleFixAndRemark) {
  std::string text = "allow read /a\nallow write /a\n";
  Diagnostics diagnostics;
  Diagnostic &d = diagnostics.report(Code::dead_rule, place_at(0, text, 0, 13), "never decides");
  d.example = "/a\n\\";
  d.fixes.push_back({place_at(0, text, 0, 5), "limit"});
  d.fixes.push_back({place_at(0, text, 14, 0), "x"});
  d.fixes.push_back({place_at(0, text, 0, 13), ""});
  d.remarks.push_back({place_at(0, text, 14, 14), "this one does"});
  EXPECT_EQ(print_diagnostics(diagnostics.all(), {{"a.afp", text}}),
            "a.afp:1:1: error: never decides [dead-rule]\n"
            "  allow read /a\n"
            "  ^~~~~~~~~~~~~\n"
            "  example: /a\\x0A\\\\\n"
            "  fix: limit instead of allow\n"
            "  fix: insert x at a.afp:2:1\n"
            "  fix: remove this\n"
            "a.afp:2:1: note: this one does\n"
            "  allow write /a\n"
            "  ^~~~~~~~~~~~~~\n");
}

TEST(PrintDiagnostics, NamesTheFileWhereThereIsNoLine) {
  Diagnostics diagnostics;
  diagnostics.report(Code::no_policy, Place{}, "nothing there");
  EXPECT_EQ(print_diagnostics(diagnostics.all(), {{"a.afp", ""}}),
            "a.afp: error: nothing there [no-policy]\n");
}

TEST(Diagnostics, SortDropsRepetitionsAndKeepsTheOrderOfEquals) {
  Diagnostics d;
  Place late{0, 2, 1, 10, 1};
  Place early{0, 1, 1, 0, 1};
  d.report(Code::dead_rule, late, "b");
  d.report(Code::dead_rule, late, "a");
  d.report(Code::dead_rule, late, "b");
  d.report(Code::overlap, early, "c");
  d.sort();
  ASSERT_EQ(d.all().size(), 3u);
  EXPECT_EQ(d.all()[0].message, "c");
  EXPECT_EQ(d.all()[1].message, "b");
  EXPECT_EQ(d.all()[2].message, "a");
}

TEST(Diagnostics, SeveritiesComeFromTheList) {
  Diagnostics d;
  d.report(Code::redundant_limit, {}, "");
  d.report(Code::near_miss, {}, "");
  EXPECT_FALSE(d.has_errors());
  EXPECT_EQ(d.all()[0].severity, Severity::note);
  EXPECT_EQ(d.all()[1].severity, Severity::warning);
  d.report(Code::never_broken, {}, "");
  EXPECT_TRUE(d.has_errors());
}

}  // namespace
}  // namespace agentfense::lang
