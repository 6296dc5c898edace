// Broken input: every error is found, none is hidden by another, and nothing crashes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "big_policy.h"
#include "lang/pattern_syntax.h"

namespace agentfense::lang {
namespace {

using testing::ElementsAre;

// Either rules and no error, or no rules and one at least.
void expect_decided(const Loaded &loaded) {
  EXPECT_NE(loaded.result.rules.has_value(), loaded.diagnostics.has_errors());
  EXPECT_FALSE(loaded.result.files.empty());
}

TEST(BrokenInput, TenMistakesAreTenErrors) {
  Loaded loaded = load_text(R"(agentfense 1
import team.afp
parm tenant = "demo"
set sources = { /src, lib }
set broken { /a }
policy p {
  allow raed /x
  alow write /y
  allow read src/z
  limit none /a**, /ok
  limit none /b except
  limit none /c /d
  never read [x
  never read "/e
  test {
    wirte /f
    none /g*
  }
}
)");
  EXPECT_THAT(
      loaded.codes,
      ElementsAre("expected-string", "unknown-statement", "unknown-set", "expected-equals", "expected-level",
                  "unknown-statement", "relative-pattern", "double-star", "expected-pattern",
                  "expected-comma", "unclosed-class", "unclosed-quote", "unknown-statement", "glob-in-test"))
      << loaded.printed;
}

TEST(BrokenInput, AMistakeInTheHeadDoesNotHideTheBody) {
  for (const char *head : {"policy {", "policy extends q {", "policy p extends {", "policy p extends /a {",
                           "policy p except /a {", "policy p\n{", "policy p", "polcy p {",
                           "policy p extends q, {", "policy p sealed {"}) {
    Loaded loaded = load_text(
        "agentfense 1\n" + std::string(head) + "\n  allow raed /x\n}\npolicy q {\n  limt none /a\n}\n",
        LoadOptions{"q", {}, {}});
    SCOPED_TRACE(loaded.printed);
    ASSERT_EQ(loaded.codes.size(), 3u) << head;
    EXPECT_EQ(loaded.codes[1], "expected-level") << head;
    EXPECT_EQ(loaded.codes[2], "unknown-statement") << head;
  }
}

TEST(BrokenInput, AnOpenListDoesNotSwallowTheNextStatement) {
  Loaded loaded = load_body("  limit none /a,\n  allow read /b**\n  limit none /c,\n\n  allow raed /d");
  EXPECT_THAT(loaded.codes,
              ElementsAre("expected-pattern", "double-star", "expected-pattern", "expected-level"))
      << loaded.printed;
}

TEST(BrokenInput, EveryTruncationIsDecided) {
  std::string text = kBigPolicy;
  size_t fine = 0;
  for (size_t length = 0; length <= text.size(); ++length) {
    Loaded loaded = load(big_policy_files(text.substr(0, length)), big_policy_options());
    SCOPED_TRACE(length);
    expect_decided(loaded);
    fine += loaded.result.rules.has_value();
  }
  EXPECT_EQ(fine, 2u) << "with and without the last line end";
}

TEST(BrokenInput, EveryMissingByteIsDecided) {
  std::string text = kBigPolicy;
  for (size_t i = 0; i < text.size(); ++i) {
    SCOPED_TRACE(i);
    expect_decided(load(big_policy_files(text.substr(0, i) + text.substr(i + 1)), big_policy_options()));
  }
}

TEST(BrokenInput, ShuffledPiecesAreDecided) {
  const std::vector<std::string> pieces = {"agentfense 1\n",
                                           "import ",
                                           "\"a.afp\"",
                                           "param ",
                                           "x",
                                           " = ",
                                           "set ",
                                           "s",
                                           "{",
                                           "}",
                                           ",",
                                           "\n",
                                           "policy ",
                                           "p",
                                           "extends ",
                                           "except ",
                                           "sealed ",
                                           "allow ",
                                           "limit ",
                                           "never ",
                                           "test ",
                                           "nocase ",
                                           "none ",
                                           "read ",
                                           "/a ",
                                           "**/b",
                                           "\"/c\"",
                                           "\"",
                                           "/{a,b",
                                           "[a",
                                           "#",
                                           "\\",
                                           "preset:q ",
                                           "$",
                                           "${x}",
                                           "\r",
                                           "\xff",
                                           "\x01",
                                           "/{",
                                           "}}",
                                           "{{"};
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    std::string text = round % 2 ? "agentfense 1\npolicy p {\n" : "";
    for (int n = static_cast<int>(random() % 40); n > 0; --n) text += pieces[random() % pieces.size()];
    SCOPED_TRACE(text);
    expect_decided(load_text(text));
  }
}

TEST(BrokenInput, RandomBytesAreDecided) {
  std::mt19937 random(11);
  for (int round = 0; round < 1000; ++round) {
    std::string text = "agentfense 1\n";
    for (int n = static_cast<int>(random() % 200); n > 0; --n) text += static_cast<char>(random() % 255 + 1);
    expect_decided(load_text(text));
  }
  std::string big = kBigPolicy;
  for (int round = 0; round < 1000; ++round) {
    std::string text = big;
    for (int n = 0; n < 3; ++n) text[random() % text.size()] = static_cast<char>(random() % 255 + 1);
    expect_decided(load(big_policy_files(text), big_policy_options()));
  }
}

std::string repeat(const std::string &piece, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += piece;
  return out;
}

TEST(BrokenInput, BombsGetOneError) {
  struct Bomb {
    std::string body;
    const char *code;
  };
  const Bomb bombs[] = {
      {"allow read /" + repeat("{", 1'000'000), "brace-nesting"},
      {"allow read /" + repeat("{a,", 1'000'000), "brace-nesting"},
      {"allow read \"/" + repeat("{", 1'000'000) + "\"", "pattern-too-long"},
      {"allow read \"/" + repeat("{", 1'000) + "\"", "brace-nesting"},
      {"allow read /{a,#" + repeat("{", 1'000'000), "brace-nesting"},
      {"allow read \"/a #b\", /" + repeat("{", 1'000'000), "brace-nesting"},
      {"allow read \"/\\\" #b\", /" + repeat("{", 1'000'000), "brace-nesting"},
      {"allow read \"/a #b\n  allow read /" + repeat("{", 1'000'000), "brace-nesting"},
      {"allow read /" + repeat("{a}", 1'000'000), "pattern-too-long"},
      {"allow read /" + repeat("/a", 1'000'000), "pattern-too-long"},
      {"allow read " + repeat("*", 1'000'000), "pattern-too-long"},
      {"allow read \"" + repeat("\\", 999'998), "unclosed-quote"},
      {"allow read /a \"" + repeat("\\\\", 1'000'000) + "\" x", "expected-newline"},
      {"allow read /a" + repeat(" {", 1'000'000), "brace-nesting"},
      {repeat("{\n", 1'000'000), "brace-nesting"},
      {repeat("{\n", 1'000'000) + repeat("}\n", 1'000'000), "brace-nesting"},
      {repeat("test {\n", 500'000), "brace-nesting"},
      {"}\n" + repeat("policy p{\n", 400'000), "brace-nesting"},
  };
  for (const Bomb &bomb : bombs) {
    Loaded loaded = load_body(bomb.body);
    SCOPED_TRACE(bomb.body.substr(0, 30));
    ASSERT_FALSE(loaded.codes.empty());
    EXPECT_LE(loaded.codes.size(), 2u) << "the error, and at most one for the block that the bomb has broken";
    EXPECT_THAT(loaded.codes, testing::Contains(bomb.code));
    EXPECT_LT(loaded.printed.size(), 3000u);
  }
}

TEST(BrokenInput, BracesThatOpenNoBlockDoNotCountAsOne) {
  for (const char *line :
       {"allow read /{a # {\n", "# {{{\n", "allow read \"/{\"\n", "limit none /a{b,c}{d,e}\n"}) {
    const Loaded loaded = load_body(repeat(line, 50));
    EXPECT_THAT(loaded.codes, testing::Not(testing::Contains("brace-nesting"))) << line;
  }
  EXPECT_THAT(load_text("agentfense 1\n" + repeat("policy p {\n}\n", 50)).codes,
              testing::Not(testing::Contains("brace-nesting")));
}

// Work grows with the text, not with its square: these take minutes where it does.
TEST(BrokenInput, ManyErrorsTakeLinearWork) {
  for (const char *line : {"bogus\n", "}\n", "test {\n", "policy\n", "allow read /a,\n", "set x = {\n",
                           "import \"x\"\n", "policy p {\n", "allow read \"\n", "allow read /a{,/a{,\n",
                           "extends {\n", "test {\n}}\n", "set x = {\n}\n", "policy p {\ntest {\n}\n"}) {
    SCOPED_TRACE(line);
    Loaded loaded = load_text("agentfense 1\npolicy q {\n" + repeat(line, 20'000));
    expect_decided(loaded);
  }
}

// A line as long as a file is not copied for each of its errors, and nobody reads the second thousand.
TEST(BrokenInput, NoMoreErrorsAreKeptThanAreRead) {
  const std::string heads[] = {"x\n",
                               "}",
                               "\"\"",
                               "set s = { " + repeat("a,", 1'000'000) + "a }\n",
                               "policy p { allow read " + repeat("a,", 1'000'000) + "/x\n}\n",
                               "policy p { allow read " + repeat("x/y,", 500'000) + "/x\n}\n"};
  for (const std::string &text : heads) {
    SCOPED_TRACE(text.substr(0, 30));
    Loaded loaded = load_text("agentfense 1\n" + (text.size() < 10 ? repeat(text, 500'000) : text));
    expect_decided(loaded);
    EXPECT_LE(loaded.codes.size(), kMaxErrors + 1);
    EXPECT_THAT(loaded.printed,
                testing::ContainsRegex(" more errors are not shown; mend these first\n[^\n]*\n[^\n]*\n?$"));
  }
}

TEST(BrokenInput, WhatIsNotShownIsCounted) {
  // Of the statements, of a file; of names and patterns, of all.
  EXPECT_THAT(load_text("agentfense 1\n" + repeat("bogus\n", 1'234)).printed,
              testing::HasSubstr("234 more errors are not shown"));
  EXPECT_THAT(load_text("agentfense 1\npolicy p {\n" + repeat("allow read x\n", 1'001) + "}\n").printed,
              testing::HasSubstr("1 more error is not shown"));
  for (const char *line : {"policy p {\n}\n", "set s = { /a }\n", "param x = \"y\"\n", "param x = \"/\"\n",
                           "param x\n", "policy p extends q {\n}\n"}) {
    const Loaded loaded = load_text("agentfense 1\n" + repeat(line, 2'000));
    EXPECT_LE(loaded.codes.size(), kMaxErrors + 1) << line;
    EXPECT_THAT(loaded.printed, testing::ContainsRegex(" more errors? (is|are) not shown")) << line;
  }
  EXPECT_THAT(load_text("agentfense 1\n" + repeat("bogus\n", 1'000)).printed,
              testing::Not(testing::HasSubstr("not shown")));
}

TEST(BrokenInput, BracesInTextAreNoPattern) {
  EXPECT_THAT(load_body("allow read / \"" + repeat("{", 100) + "\"").codes, testing::IsEmpty());
}

TEST(BrokenInput, StandardInputIsNotImported) {
  MemoryFiles files{{"main.afp", "agentfense 1\nimport \"-\"\npolicy p { allow read / }\n"},
                    {"-", "agentfense 1\n"}};
  EXPECT_THAT(load(files).codes, ElementsAre("bad-import"));
}

}  // namespace
}  // namespace agentfense::lang
