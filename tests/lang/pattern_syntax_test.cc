#include "lang/pattern_syntax.h"

#include <gtest/gtest.h>

#include "lang/dump.h"

namespace agentfense::lang {
namespace {

const ParamValues kParams{{"user", "u42"}, {"odd", "*{a} b"}, {"dots", ".x"}};

// A spelling in double quotes is read as quoted.
PatternOptions options_for(std::string_view &spelling, bool nocase) {
  PatternOptions options;
  options.nocase = nocase;
  options.params = &kParams;
  if (spelling.size() >= 2 && spelling.front() == '"') {
    options.quoted = true;
    spelling = spelling.substr(1, spelling.size() - 2);
  }
  return options;
}

std::string join(const std::vector<PathPattern> &patterns) {
  std::string out;
  for (const PathPattern &pattern : patterns) {
    if (!out.empty()) out += ' ';
    out += dump_pattern(pattern);
  }
  return out;
}

struct Good {
  std::string spelling;
  std::string text;
  std::string alternatives;
  bool nocase = false;
};

TEST(PatternSyntax, ReadsWhatIsRight) {
  const Good cases[] = {
      {"/", "/", "/"},
      {"/**", "/**", "/"},
      {"/src", "/src", "/src"},
      {"/src/", "/src", "/src"},
      {"/src/**", "/src/**", "/src"},
      {"/src/**/**", "/src/**/**", "/src"},
      {"**/", "/**", "/"},
      {"**/*.key", "**/*.key", "/**/*.key"},
      {"/**/*.key", "/**/*.key", "/**/*.key"},
      {"/a/**/**/b", "/a/**/**/b", "/a/**/b"},
      {"/a/**/b/**", "/a/**/b/**", "/a/**/b"},
      {"/a?c", "/a?c", "/a?c"},
      {"/[a-c]x", "/[a-c]x", "/[a-c]x"},
      {"/[!a-z]", "/[!a-z]", "/[\\x01-.0-\\x60\\x7B-\\xFF]"},
      {"/[a-]", "/[a-]", "/[\\x2Da]"},
      {"/[-a]", "/[-a]", "/[\\x2Da]"},
      {"/[+-9]", "/[+-9]", "/[\\x2B-.0-9]"},
      {"/[a!]", "/[a!]", "/[\\x21a]"},
      {"/{a,b}", "/{a,b}", "/a /b"},
      {"/{b,a,b}", "/{b,a,b}", "/a /b"},
      {"/x{,.bak}", "/x{,.bak}", "/x /x.bak"},
      {"/{?}x{?,}", "/{?}x{?,}", "/?x /?x?"},
      {"/x{a}y", "/x{a}y", "/xay"},
      {"/{a,b{c,d}}e", "/{a,b{c,d}}e", "/ae /bce /bde"},
      {"/{a,b}/{c,d}", "/{a,b}/{c,d}", "/a/c /a/d /b/c /b/d"},
      {"/*{*,x}", "/*{*,x}", "/* /*x"},
      {"/a=b@c+d", "/a=b@c+d", "/a=b@c+d"},
      {"/a]b", "\"/a\\]b\"", "/a[\\x5D]b"},
      {"/caf\xC3\xA9", "/caf\xC3\xA9", "/caf[\\xC3][\\xA9]"},
      {"/${user}/x", "/u42/x", "/u42/x"},
      {"/a${user}*", "/au42*", "/au42*"},
      {"/{${user},b}", "/{u42,b}", "/b /u42"},
      {"/${odd}", "\"/\\*\\{a\\} b\"", "/[\\x2A][\\x7B]a[\\x7D][\\x20]b"},
      {"/a$b", "/a$b", "/a$b"},
      {"\"/My Documents\"", "\"/My Documents\"", "/My[\\x20]Documents"},
      {"\"/plain\"", "/plain", "/plain"},
      {"\"/*.c\"", "/*.c", "/*.c"},
      {"\"/\\*.c\"", "\"/\\*.c\"", "/[\\x2A].c"},
      {"\"/\\x2a\"", "\"/\\*\"", "/[\\x2A]"},
      {"\"/\\x41\"", "/A", "/A"},
      {"\"/\\xff\"", "\"/\\xFF\"", "/[\\xFF]"},
      {"\"/a\\\\b\\\"c\"", "\"/a\\\\b\\\"c\"", "/a[\\x5C]b[\\x22]c"},
      {"\"/[\\]a]\"", "\"/[\\]a]\"", "/[\\x5Da]"},
      {"\"/a,b\"", "\"/a\\,b\"", "/a[\\x2C]b"},
      {"\"/\\${user}\"", "\"/\\${user}\"", "/$user"},
      {"\"/\\$\\{user\\}\"", "\"/\\$\\{user\\}\"", "/$[\\x7B]user[\\x7D]"},
      {"\"/#.env#\"", "\"/#.env#\"", "/[\\x23].env[\\x23]"},
      {"/.a/..b/c.", "/.a/..b/c.", "/.a/..b/c."},
      {"/aB1", "/aB1", "/[Aa][Bb]1", true},
      {"/[a-b]", "/[a-b]", "/[ABab]", true},
      {"/[!a]", "/[!a]", "/[\\x01-.0-\\x40B-\\x60b-\\xFF]", true},
      {"/${user}", "/u42", "/[Uu]42", true},
  };
  for (const Good &c : cases) {
    SCOPED_TRACE(c.spelling);
    std::string_view spelling = c.spelling;
    PatternOptions options = options_for(spelling, c.nocase);
    auto parsed = parse_pattern(spelling, options);
    if (auto *issue = std::get_if<PatternIssue>(&parsed)) {
      ADD_FAILURE() << issue->message;
      continue;
    }
    EXPECT_EQ(std::get<ParsedPattern>(parsed).text, c.text);
    EXPECT_EQ(join(std::get<ParsedPattern>(parsed).alternatives), c.alternatives);
  }
}

// The canonical text means what the spelling meant.
TEST(PatternSyntax, CanonicalTextReadsBackTheSame) {
  for (std::string written :
       {"/a$b", "/${odd}", "\"/x \\x00ff\"", "\"/[\\]a] b/{c,d e}\"", "\"/\\xff\\x2a\"", "\"/[a, ]{b,}\"",
        "**/*.{pem,key}", "/caf\xC3\xA9/[!a-z]?", "\"/\\$\\{user\\}\""}) {
    SCOPED_TRACE(written);
    std::string_view spelling = written;
    PatternOptions options = options_for(spelling, false);
    auto first = parse_pattern(spelling, options);
    if (std::holds_alternative<PatternIssue>(first)) continue;
    std::string text = std::get<ParsedPattern>(first).text;
    std::string_view again = text;
    options = options_for(again, false);
    auto second = parse_pattern(again, options);
    ASSERT_TRUE(std::holds_alternative<ParsedPattern>(second)) << text;
    EXPECT_EQ(std::get<ParsedPattern>(second).text, text);
    EXPECT_EQ(join(std::get<ParsedPattern>(second).alternatives),
              join(std::get<ParsedPattern>(first).alternatives));
  }
}

struct Bad {
  std::string spelling;
  Code code;
  size_t offset;
  size_t length;
  std::string fix;
};

TEST(PatternSyntax, RefusesWhatIsWrong) {
  const Bad cases[] = {
      {"src/x", Code::relative_pattern, 0, 5, "/src/x"},
      {"*.key", Code::relative_pattern, 0, 5, "**/*.key"},
      {".env", Code::relative_pattern, 0, 4, "**/.env"},
      {"./src", Code::relative_pattern, 0, 5, "/src"},
      {"../x", Code::relative_pattern, 0, 4, ""},
      {"~/.ssh", Code::relative_pattern, 0, 6, ""},
      {"**", Code::relative_pattern, 0, 2, "/**"},
      {"\"\"", Code::relative_pattern, 0, 0, ""},
      {"\"my file\"", Code::relative_pattern, 0, 7, "\"**/my file\""},
      {"{/a,/b}", Code::slash_in_braces, 1, 1, ""},
      {"**.key", Code::double_star, 0, 6, "**/*.key"},
      {"/**.key", Code::double_star, 1, 6, "/**/*.key"},
      {"/src/a**", Code::double_star, 5, 3, "/src/a*"},
      {"/a**b/c", Code::double_star, 1, 4, "/a*b/c"},
      {"/***", Code::double_star, 1, 3, "/*"},
      {"/{**,a}", Code::double_star, 1, 6, "/{*,a}"},
      {"//", Code::empty_component, 0, 1, ""},
      {"/a//", Code::empty_component, 2, 1, ""},
      {"//a", Code::empty_component, 0, 1, ""},
      {"/a//b", Code::empty_component, 2, 1, ""},
      {"/{,a}/b", Code::empty_component, 1, 4, ""},
      {"/.", Code::dot_component, 1, 1, ""},
      {"/a/../b", Code::dot_component, 3, 2, ""},
      {"/{.,a}", Code::dot_component, 1, 5, ""},
      {"/{.,a}{.,b}", Code::dot_component, 1, 10, ""},
      {"\"/\\x2e\"", Code::dot_component, 1, 4, ""},
      {"/[ab", Code::unclosed_class, 1, 1, ""},
      {"/[a/b", Code::unclosed_class, 1, 1, ""},
      {"/[a/b]", Code::forbidden_byte, 3, 1, ""},
      {"/[]", Code::empty_class, 1, 2, ""},
      {"/[!]", Code::empty_class, 1, 3, ""},
      {"/[z-a]", Code::reversed_range, 2, 3, ""},
      {"/[^a]", Code::caret_class, 2, 1, "/[!a]"},
      {"/[\xC3\xA9]", Code::wide_class, 2, 2, ""},
      {"/{a", Code::unclosed_brace, 1, 1, ""},
      {"/{a/b", Code::unclosed_brace, 1, 1, ""},
      {"/a{b{c}", Code::unclosed_brace, 2, 1, ""},
      {"\"/a}\"", Code::unopened_brace, 2, 1, ""},
      {"/{}", Code::empty_braces, 1, 2, ""},
      {"/{a/b,c}", Code::slash_in_braces, 3, 1, ""},
      {"\"/\\x00\"", Code::forbidden_byte, 1, 4, ""},
      {"\"/a\\x2fb\"", Code::forbidden_byte, 2, 4, ""},
      {"\"/\\q\"", Code::bad_escape, 1, 2, "\"/\\\\q\""},
      {"\"/\\x4\"", Code::bad_escape, 1, 2, ""},
      {"\"/a\\\"", Code::bad_escape, 2, 1, "\"/a\\\\\""},
      {"/a\\*", Code::needs_quotes, 2, 1, "\"/a\\*\""},
      {"/a#b", Code::needs_quotes, 2, 1, "\"/a#b\""},
      {"/a;", Code::needs_quotes, 2, 1, "/a"},
      {"'/a'", Code::needs_quotes, 0, 1, "\"/a\""},
      {"/(group)", Code::needs_quotes, 1, 1, "\"/(group)\""},
      {"/${nobody}", Code::unknown_param, 1, 9, ""},
      {"/${usr}", Code::unknown_param, 1, 6, "/${user}"},
      {"/${}", Code::bad_param_reference, 1, 2, ""},
      {"/${user", Code::bad_param_reference, 1, 6, ""},
      {"/${a.b}", Code::bad_param_reference, 1, 3, ""},
      {"/.${dots}/../x", Code::dot_component, 10, 2, ""},
  };
  for (const Bad &c : cases) {
    SCOPED_TRACE(c.spelling);
    std::string_view spelling = c.spelling;
    PatternOptions options = options_for(spelling, false);
    auto parsed = parse_pattern(spelling, options);
    auto *issue = std::get_if<PatternIssue>(&parsed);
    if (!issue) {
      ADD_FAILURE() << "accepted as " << std::get<ParsedPattern>(parsed).text;
      continue;
    }
    EXPECT_EQ(code_name(issue->code), code_name(c.code)) << issue->message;
    EXPECT_EQ(issue->offset, c.offset);
    EXPECT_EQ(issue->length, c.length);
    EXPECT_EQ(issue->fix.value_or(""), c.fix);
  }
}

Code code_of(const std::string &spelling) {
  auto parsed = parse_pattern(spelling, {});
  auto *issue = std::get_if<PatternIssue>(&parsed);
  return issue ? issue->code : Code::internal_error;
}

TEST(PatternSyntax, HoldsItsLimits) {
  EXPECT_EQ(code_of("/" + std::string(255, 'a')), Code::internal_error) << "a full name is fine";
  EXPECT_EQ(code_of("/" + std::string(256, 'a')), Code::component_too_long);
  EXPECT_EQ(code_of("/" + std::string(255, '?') + "*"), Code::internal_error);
  EXPECT_EQ(code_of("/{" + std::string(200, 'a') + ",b}" + std::string(56, 'c')), Code::component_too_long);

  std::string deep;
  for (int i = 0; i < 128; ++i) deep += "/a";
  EXPECT_EQ(code_of(deep), Code::internal_error);
  EXPECT_EQ(code_of(deep + "/a"), Code::pattern_too_deep);
  EXPECT_EQ(code_of("/" + std::string(5000, 'a')), Code::pattern_too_long);

  std::string twelve;  // 2^12 = 4096
  for (int i = 0; i < 12; ++i) twelve += "{a,b}";
  EXPECT_EQ(code_of("/" + twelve), Code::internal_error);
  EXPECT_EQ(code_of("/" + twelve + "{a,b}"), Code::too_many_alternatives);
  EXPECT_EQ(code_of("/" + twelve + "/{a,b}"), Code::too_many_alternatives);
  std::string huge;
  for (int i = 0; i < 500; ++i) huge += "{a,b}";
  EXPECT_EQ(code_of("/" + huge), Code::too_many_alternatives);
  EXPECT_EQ(code_of("/" + std::string(17, '{') + "a" + std::string(17, '}')), Code::brace_nesting);
  EXPECT_EQ(code_of("/" + std::string(16, '{') + "a" + std::string(16, '}')), Code::internal_error);
}

TEST(PatternSyntax, DecidesAlternativesNotTheirSpelling) {
  auto a = parse_pattern("/{b,a}", {});
  auto b = parse_pattern("/{a,b,b}", {});
  EXPECT_EQ(std::get<ParsedPattern>(a).alternatives, std::get<ParsedPattern>(b).alternatives);
}

TEST(TestPath, IsLiteral) {
  ParamValues params{{"user", "u42"}};
  PatternOptions bare;
  bare.params = &params;
  PatternOptions quoted = bare;
  quoted.quoted = true;
  auto path = [](const std::variant<std::string, PatternIssue> &parsed) {
    auto *issue = std::get_if<PatternIssue>(&parsed);
    return issue ? std::string(code_name(issue->code)) : std::get<std::string>(parsed);
  };
  EXPECT_EQ(path(parse_test_path("/", bare)), "/");
  EXPECT_EQ(path(parse_test_path("/a/b/", bare)), "/a/b");
  EXPECT_EQ(path(parse_test_path("/${user}/x", bare)), "/u42/x");
  EXPECT_EQ(path(parse_test_path("/a b\\x41\\*\\xff", quoted)), "/a bA*\xff");
  EXPECT_EQ(path(parse_test_path("/a*", bare)), "glob-in-test");
  EXPECT_EQ(path(parse_test_path("/a[b", bare)), "unclosed-class");
  EXPECT_EQ(path(parse_test_path("/{a,b}", bare)), "glob-in-test");
  EXPECT_EQ(path(parse_test_path("/a?", quoted)), "glob-in-test");
  EXPECT_EQ(path(parse_test_path("a", bare)), "relative-path");
  EXPECT_EQ(path(parse_test_path("", quoted)), "relative-path");
  EXPECT_EQ(path(parse_test_path("/a//b", bare)), "empty-component");
  EXPECT_EQ(path(parse_test_path("//", bare)), "empty-component");
  EXPECT_EQ(path(parse_test_path("/a/../b", bare)), "dot-component");
  EXPECT_EQ(path(parse_test_path("/" + std::string(256, 'a'), bare)), "component-too-long");
}

TEST(ParamValue, IsPartOfOneName) {
  EXPECT_FALSE(refuse_param_value("u42"));
  EXPECT_FALSE(refuse_param_value("..."));
  EXPECT_FALSE(refuse_param_value("* [a] {b}"));
  EXPECT_EQ(refuse_param_value(""), "is empty");
  EXPECT_EQ(refuse_param_value("."), "is `.`");
  EXPECT_EQ(refuse_param_value(".."), "is `..`");
  EXPECT_EQ(refuse_param_value("a/b"), "holds `/`");
  EXPECT_EQ(refuse_param_value(std::string_view("a\0b", 3)), "holds a NUL byte");
  EXPECT_TRUE(refuse_param_value(std::string(256, 'a')));
}

TEST(SpellLiteral, QuotesWhatItMust) {
  EXPECT_EQ(spell_literal("/a/b.c"), "/a/b.c");
  EXPECT_EQ(spell_literal("/a b"), "\"/a b\"");
  EXPECT_EQ(spell_literal("/a*\n\xff"), "\"/a\\*\\x0A\\xFF\"");
}

TEST(ByteSet, NeverHoldsWhatNoNameHolds) {
  EXPECT_FALSE(ByteSet::any().has('/'));
  EXPECT_FALSE(ByteSet::any().has('\0'));
  EXPECT_TRUE(ByteSet::any().has('.'));
  EXPECT_TRUE(ByteSet::any().has(255));
}

}  // namespace
}  // namespace agentfense::lang
