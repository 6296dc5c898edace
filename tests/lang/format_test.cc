// The canonical form: what it looks like, that it is one form, and that it means what was given.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <regex>
#include <sstream>

#include "big_policy.h"
#include "lang/dump.h"
#include "lang/format.h"
#include "lang/parse.h"

namespace agentfense::lang {
namespace {

std::string format(const std::string &text) {
  Diagnostics diagnostics;
  std::optional<std::string> out = format_policy(text, diagnostics);
  if (!out) return "errors:\n" + print_diagnostics(diagnostics.all(), {{"a.afp", text}});
  return *out;
}

void expect_form(const std::string &ugly, const std::string &canonical) {
  EXPECT_EQ(format(ugly), canonical);
  EXPECT_EQ(format(canonical), canonical);
}

std::string rules_of(const std::string &text) {
  Loaded loaded = load(big_policy_files(text), big_policy_options());
  if (!loaded.result.rules) return loaded.printed;
  return std::regex_replace(dump_rules(*loaded.result.rules), std::regex(" @\\d+:\\d+:\\d+"), "");
}

TEST(Format, WhiteSpaceIsOneSpaceAndTwoADepth) {
  expect_form(
      "\r\n\nagentfense\t1\r\n\r\n\r\nparam x=\"v\"\nset s={/a,/b  ,  s2}\n\n\npolicy p   extends q "
      ",preset:r{\n\n\n"
      "allow   read\t/\n\n\n\n\tlimit none nocase **/x except /y , s   \"why\"\n"
      "test{none /a,/b\n\n  read /c}\n\n}",
      "agentfense 1\n\nparam x = \"v\"\nset s = { /a, /b, s2 }\n\npolicy p extends q, preset:r {\n"
      "  allow read /\n\n  limit none nocase **/x except /y, s  \"why\"\n"
      "  test {\n    none /a, /b\n\n    read /c\n  }\n}\n");
}

TEST(Format, OneLinersAreOpenedAndEmptyBlocksClosed) {
  expect_form(
      "agentfense 1\npolicy p{allow read /}\npolicy q extends p{\n\n}\npolicy r { test { } }",
      "agentfense 1\npolicy p {\n  allow read /\n}\npolicy q extends p {}\npolicy r {\n  test {}\n}\n");
}

TEST(Format, CommentsKeepTheirPlace) {
  expect_form(
      "# top \t\n\n#  of all\nagentfense 1# version\npolicy p {#of p\n#in\n\n\n# p\nallow read /a #behind\n"
      "        # last\n} # end\n\n# after",
      "# top\n\n#  of all\nagentfense 1  # version\npolicy p {  #of p\n  #in\n\n  # p\n  allow read /a  "
      "#behind\n"
      "  # last\n}  # end\n\n# after\n");
}

TEST(Format, CommentsInListsBreakThem) {
  expect_form(
      "agentfense 1\npolicy p {\nallow read /a, # one\n\n# own\n  /b,/c,\n#own\n/d \"why\" # two\n}\n",
      "agentfense 1\npolicy p {\n  allow read /a,  # one\n      # own\n      /b, /c,\n      #own\n"
      "      /d  \"why\"  # two\n}\n");
  expect_form("agentfense 1\nset s = { # head\n# own\n/a # a\n, # a too\n/b, # b\n\n\n # last\n}\n",
              "agentfense 1\nset s = {  # head\n  # own\n  /a,  # a\n  # a too\n  /b,  # b\n\n  # last\n}\n");
}

TEST(Format, ListsAreJoinedAndFilledTo100Columns) {
  std::string name = "/" + std::string(20, 'n');
  std::string list = name + ", " + name + ",\n\n      " + name + ", " + name + ", " + name;
  expect_form("agentfense 1\npolicy p {\n  allow write " + list + " \"r\"\n}\n",
              "agentfense 1\npolicy p {\n  allow write " + name + ", " + name + ", " + name + ",\n      " +
                  name + ", " + name + "  \"r\"\n}\n");
  std::string exact = "  limit none /" + std::string(40, 'a') + ", /" + std::string(42, 'b');
  ASSERT_EQ(exact.size(), 99u);
  expect_form("agentfense 1\npolicy p {\n" + exact + "x\n}\n",
              "agentfense 1\npolicy p {\n" + exact + "x\n}\n");
  expect_form("agentfense 1\npolicy p {\n" + exact + "xy\n}\n", "agentfense 1\npolicy p {\n  limit none /" +
                                                                    std::string(40, 'a') + ",\n      /" +
                                                                    std::string(42, 'b') + "xy\n}\n");
  // A character is a column, however many bytes it has.
  std::string wide = "  limit none /\u00e4" + std::string(39, 'a') + ", /" + std::string(42, 'b') + "x";
  expect_form("agentfense 1\npolicy p {\n" + wide + "\n}\n", "agentfense 1\npolicy p {\n" + wide + "\n}\n");
}

TEST(Format, ALastCommaKeepsASetOneItemALine) {
  expect_form("agentfense 1\nset s = {\n/a,\n/b }\nset t = { /a, /b, }\n",
              "agentfense 1\nset s = { /a, /b }\nset t = {\n  /a,\n  /b,\n}\n");
  std::string long_name = "/" + std::string(60, 'n');
  expect_form("agentfense 1\nset s = { " + long_name + ", " + long_name + " }\n",
              "agentfense 1\nset s = {\n  " + long_name + ",\n  " + long_name + ",\n}\n");
}

TEST(Format, ReasonsOfNeighboursStandBelowEachOther) {
  expect_form(
      "agentfense 1\npolicy p {\nallow read / \"a\"\n# note\nlimit none **/.git \"b\"\nlimit none /x\n\n"
      "limit none /yyyyyyyy \"c\"\nlimit none /" +
          std::string(70, 'z') + " \"d\"\n}\n",
      "agentfense 1\npolicy p {\n  allow read /        \"a\"\n  # note\n  limit none **/.git  \"b\"\n  limit "
      "none /x\n\n"
      "  limit none /yyyyyyyy  \"c\"\n  limit none /" +
          std::string(70, 'z') + "  \"d\"\n}\n");
}

TEST(Format, PatternsAreSpelledTheOneWay) {
  const std::pair<const char *, const char *> cases[] = {
      {"\"/a\"", "/a"},
      {"/a/", "/a"},
      {"\"/\"", "/"},
      {"**/", "/**"},
      {"\"/${t}/x\"", "/${t}/x"},
      {"/a{b,c}/", "/a{b,c}"},
      {"\"/\\x61\\x2a\"", "\"/a\\*\""},
      {"\"/a b\"", "\"/a b\""},
      {"\"/\\$\\{t\\}\"", "\"/\\$\\{t\\}\""},
      {"\"/\\!a\\-\"", "/!a-"},
      {"\"/[a\\]]\"", "\"/[a\\]]\""},
      {"\"/[ab]\"", "/[ab]"},
      {"\"/[\x01]\"", "\"/[\x01]\""},
      {"\"/\x01\"", "\"/\\x01\""},
      {"\"/\xff\"", "\"/\\xFF\""},
      {"\"/\\xc3\\xa4\"", "/\xc3\xa4"},
      {"\"/a,b\"", "\"/a\\,b\""},
      {"\"/{a\\,b,c}\"", "\"/{a\\,b,c}\""},
  };
  for (const auto &[ugly, canonical] : cases) {
    SCOPED_TRACE(ugly);
    std::string head = "agentfense 1\npolicy p {\n  allow read ";
    expect_form(head + ugly + "\n}\n", head + canonical + "\n}\n");
  }
  expect_form("agentfense 1\npolicy p {\n  test {\n    read \"/a\\x2a\", \"/b\", /${t}/\n  }\n}\n",
              "agentfense 1\npolicy p {\n  test {\n    read \"/a\\*\", /b, /${t}\n  }\n}\n");
}

TEST(Format, OtherStringsAreLeftAlone) {
  expect_form(
      "agentfense 1\nimport \"a.afp\"\nparam t = \"/x\\x41\"\npolicy p {\n  allow read / \"a  \\\"b\"\n}\n",
      "agentfense 1\nimport \"a.afp\"\nparam t = \"/x\\x41\"\npolicy p {\n  allow read /  \"a  \\\"b\"\n}\n");
}

TEST(Format, FilesWithErrorsGetNoAnswer) {
  EXPECT_EQ(format("agentfense 1\npolicy p { alow read / }\n"),
            "errors:\na.afp:2:12: error: no statement starts with `alow`; did you mean `allow`? "
            "[unknown-statement]\n"
            "  policy p { alow read / }\n             ^~~~\n  fix: allow\n");
  for (const char *item :
       {"/a**", "**.key", "src/x", "\"src\"", "/[a", "/{a", "/a#b", "\"/\\q\"", "/${", "/{}"}) {
    std::string text = "agentfense 1\npolicy p {\n  allow read /ok, " + std::string(item) + "\n}\n";
    EXPECT_THAT(format(text), testing::StartsWith("errors:\n")) << item;
  }
  for (const char *path : {"/a*", "x", "\"x y\"", "/[a]"}) {
    std::string text = "agentfense 1\npolicy p {\n  test { read " + std::string(path) + " }\n}\n";
    EXPECT_THAT(format(text), testing::StartsWith("errors:\n")) << path;
  }
  EXPECT_THAT(format(""), testing::StartsWith("errors:\n"));
  EXPECT_THAT(format("agentfense 1\n" + std::string(1, '\0')), testing::HasSubstr("[nul-byte]"));
  EXPECT_THAT(format("agentfense 1\npolicy p { allow read /\xff }"), testing::HasSubstr("[invalid-utf8]"));
  EXPECT_THAT(format("agentfense 1\n# \xff\n"), "agentfense 1\n# \xff\n");
}

TEST(Format, BombsAreRefusedOrDone) {
  std::string braces(1'000'000, '{');
  EXPECT_THAT(format("agentfense 1\npolicy p { allow read /" + braces),
              testing::HasSubstr("[brace-nesting]"));
  EXPECT_THAT(format("agentfense 1\npolicy p " + braces), testing::StartsWith("errors:\n"));
  std::string list = "agentfense 1\npolicy p {\n  allow read /a";
  for (int i = 0; i < 300'000; ++i) list += ",/a";
  EXPECT_THAT(format(list + "\n}"), testing::StartsWith("agentfense 1\npolicy p {\n  allow read /a, /a, "));
  // Escapes take more room than what they stand for: not beyond what may be read again.
  std::string raw = "\"/" + std::string(250, '\xff') + "/" + std::string(250, '\xff') + "\"";
  std::string grown = "agentfense 1\npolicy p {\n";
  while (grown.size() < kMaxFileBytes - 600) grown += "allow read " + raw + "\n";
  EXPECT_THAT(format(grown + "}\n"),
              testing::HasSubstr("in canonical form this file would be larger than 4 MiB"));
}

TEST(Format, ThePoliciesAtHandKeepTheirMeaning) {
  std::vector<std::string> texts{kBigPolicy};
  for (const char *folder : {"stdlib-presets", "examples"}) {
    for (const auto &entry :
         std::filesystem::recursive_directory_iterator(std::string(SOURCE_ROOT) + "/" + folder)) {
      if (entry.path().extension() != ".afp") continue;
      std::ifstream in(entry.path());
      std::stringstream text;
      text << in.rdbuf();
      texts.push_back(text.str());
    }
  }
  ASSERT_GT(texts.size(), 15u);
  for (const std::string &text : texts) {
    std::string once = format(text);
    EXPECT_EQ(format(once), once);
    EXPECT_EQ(rules_of(once), rules_of(text));
  }
}

// Sound policies with every freedom that the syntax leaves.
class Scribbler {
 public:
  explicit Scribbler(unsigned seed) : random_(seed) {}

  std::string policy() {
    out_.clear();
    comments();
    word("agentfense");
    word("1");
    end();
    if (one_in(2)) {
      word("param");
      word("tenant");
      word("=");
      out_ += "\"v\"";
      end();
    } else {
      out_ += "param tenant\n";
    }
    word("set");
    word("sources");
    word("=");
    out_ += "{";
    for (int n = 1 + pick(5); n > 0; --n) {
      free_space();
      out_ += item(false);
      free_space();
      if (n > 1 || one_in(2)) out_ += ",";
    }
    free_space();
    out_ += "}";
    end();
    word("policy");
    word("p");
    if (one_in(2)) {
      word("extends");
      word("preset:secrets");
      if (one_in(2)) {
        word("except");
        list();
      } else if (one_in(2)) {
        word("sealed");
      }
    }
    open();
    for (int n = pick(8); n > 0; --n) rule();
    for (int n = pick(3); n > 0; --n) {
      word("test");
      open();
      for (int k = pick(3); k > 0; --k) {
        word(level());
        test_list();
        end();
      }
      close();
    }
    out_ += "}";
    if (one_in(2)) end();
    comments();
    return out_;
  }

 private:
  int pick(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  bool one_in(int n) { return pick(n) == 0; }
  template <size_t N>
  const char *any(const char *const (&choices)[N]) {
    return choices[pick(static_cast<int>(N))];
  }
  const char *level() { return any({"none", "view", "read", "write"}); }
  void space() { out_ += any({" ", "  ", "\t", " \t "}); }
  void word(const char *text) {
    out_ += text;
    space();
  }
  void comment() {
    static const char *const kComments[] = {
        "# one", "#", "# \"two\" {", "#\t, three \t", "# agentfense: allow dead-rule r", "#\xff\r"};
    if (out_.empty() || out_.back() != '\n') out_ += ' ';  // inside a word it would be an error
    out_ += kComments[pick(6)];
  }
  void line_end() { out_ += one_in(4) ? "\r\n" : "\n"; }
  void comments() {
    while (one_in(3)) {
      if (one_in(2)) {
        if (one_in(2)) space();
        comment();
      }
      line_end();
    }
  }
  // Where line ends mean nothing.
  void free_space() {
    while (one_in(2)) {
      if (one_in(3)) {
        space();
        if (one_in(3)) comment();
        line_end();
      } else {
        space();
      }
    }
  }
  void end() {
    if (one_in(4)) space();
    if (one_in(5)) comment();
    line_end();
    comments();
  }
  void open() {
    out_ += "{";
    if (one_in(2)) end();
  }
  void close() {
    out_ += "}";
    end();
  }
  std::string item(bool sets) {
    static const char *const kItems[] = {"/",
                                         "/a",
                                         "**/b",
                                         "/src/**/*.{h,cc}",
                                         "/${tenant}/x",
                                         "\"/a\"",
                                         "\"/a b\"",
                                         "\"**/\\x63\"",
                                         "/a/",
                                         "\"/[ab\\]]\"",
                                         "\"/\\$\\{\"",
                                         "\"/\xff\"",
                                         "/\xc3\xa4",
                                         "/{a,b{c,d}}",
                                         "\"/${tenant}#\"",
                                         "/[!a-c]?*",
                                         "\"/\\x41/\"",
                                         "**/.x/y",
                                         "\"/\\!\"",
                                         "/a=b:c%d@e"};
    if (sets && one_in(5)) return "sources";
    return kItems[pick(20)];
  }
  void list() {
    for (int n = 1 + pick(one_in(4) ? 12 : 3); n > 0; --n) {
      out_ += item(true);
      if (n > 1) {
        if (one_in(4)) space();
        out_ += ",";
        free_space();
      } else {
        space();
      }
    }
  }
  void test_list() {
    static const char *const kPaths[] = {"/", "/a", "\"/b c\"", "/d/", "\"/\\*\"", "/${tenant}", "\"/e\""};
    for (int n = 1 + pick(10); n > 0; --n) {
      out_ += kPaths[pick(7)];
      if (n > 1) out_ += ",";
      if (n > 1) free_space();
    }
  }
  void rule() {
    const char *kind = any({"allow", "limit", "never"});
    word(kind);
    word(level());
    if (one_in(4)) word("nocase");
    list();
    if (std::string(kind) == "limit" && one_in(2)) {
      word("except");
      list();
    }
    if (one_in(3)) out_ += any({"\"why\"", "\"\"", "\"a \\\"b\\\" # {c\""});
    end();
  }

  std::mt19937 random_;
  std::string out_;
};

TEST(Format, RandomPoliciesKeepTheirMeaningAndHaveOneForm) {
  size_t loaded = 0;
  for (unsigned seed = 0; seed < 4000; ++seed) {
    SCOPED_TRACE(seed);
    std::string text = Scribbler(seed).policy();
    std::string once = format(text);
    ASSERT_THAT(once, testing::Not(testing::StartsWith("errors:"))) << text;
    ASSERT_EQ(format(once), once) << text;
    if (seed % 4 != 0) continue;
    std::string meaning = rules_of(text);
    loaded += meaning.starts_with("policy p\n");
    // What -D and names are blamed for stands at another place; the rules say it all.
    if (meaning.starts_with("policy p\n")) {
      ASSERT_EQ(rules_of(once), meaning) << text << "---\n" << once;
    }
  }
  EXPECT_GT(loaded, 900u);
}

}  // namespace
}  // namespace agentfense::lang
