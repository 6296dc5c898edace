// Which findings a comment answers, and what is said of comments that answer none.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lang/allow_comments.h"
#include "lang/parse.h"
#include "lang/place.h"
#include "lang/print_diagnostics.h"

namespace agentfense::lang {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// A finding with `code` at each `^` that `text` marks, the mark taken out. Returns the reasons that
// answer them, "-" where none does, and then what is reported, without source lines.
struct Result {
  std::vector<std::string> answers;
  std::vector<std::string> reports;
};

Result apply(std::string text, Code code = Code::dead_rule) {
  std::vector<size_t> marks;
  for (size_t at; (at = text.find('^')) != std::string::npos;) {
    text.erase(at, 1);
    marks.push_back(at);
  }
  text = "agentfense 1\n" + text;
  Diagnostics wrong;
  (void)parse(0, text, wrong);
  EXPECT_THAT(wrong.all(), IsEmpty()) << print_diagnostics(wrong.all(), {{"a.afp", text}});
  std::vector<SourceFile> files{{"a.afp", text}};
  Diagnostics diagnostics;
  for (size_t mark : marks) diagnostics.report(code, place_at(0, text, mark + 13, 1), "found");
  apply_allow_comments(files, diagnostics);
  apply_allow_comments(files, diagnostics);  // a second time changes nothing
  report_unused_allows(
      files, [](Code, const Place &) { return true; }, diagnostics);
  Result result;
  for (const Diagnostic &d : diagnostics.all()) {
    if (d.message == "found") result.answers.push_back(d.allowed.value_or("-"));
  }
  diagnostics.sort();
  for (const Diagnostic &d : diagnostics.all()) {
    if (d.message == "found" || d.allowed) continue;
    std::string printed = print_diagnostics({d}, files);
    result.reports.push_back(printed.substr(0, printed.find('\n')));
  }
  return result;
}

TEST(AllowComments, AnswerTheStatementBelow) {
  Result r = apply(R"(policy p {
  # agentfense: allow dead-rule kept for later
  ^allow read /a, ^/b,
      ^/c "why"
  ^allow read /d
}
)");
  EXPECT_THAT(r.answers, ElementsAre("kept for later", "kept for later", "kept for later", "-"));
  EXPECT_THAT(r.reports, IsEmpty());
}

TEST(AllowComments, MayStandAboveOthersAndBlankLines) {
  Result r = apply(
      "policy p {\n  # agentfense: allow dead-rule first\n\n  # of something\n"
      "#agentfense:\tallow  capped-allow\t second one \r\n  ^allow read /a\n}\n",
      Code::capped_allow);
  EXPECT_THAT(r.answers, ElementsAre("second one"));
  EXPECT_THAT(r.reports,
              ElementsAre("a.afp:3:3: warning: nothing below has the finding `dead-rule` any more; "
                          "remove this comment [unused-allow]"));
}

TEST(AllowComments, InAListAnswerOneItem) {
  Result r = apply(R"(set s = {
  /a,
  # agentfense: allow stale-pattern made by the build
  ^/b, ^/c,
}
policy p {
  allow read s,
    # agentfense: allow stale-pattern generated
    ^/x, ^/y
  ^limit none /z
}
)",
                   Code::stale_pattern);
  EXPECT_THAT(r.answers, ElementsAre("made by the build", "-", "generated", "-", "-"));
}

TEST(AllowComments, OfABlockAnswerItsFirstLineAlone) {
  Result r = apply(
      "# agentfense: allow useless-except kept\npolicy p extends preset:q except ^/a { ^allow read "
      "/a\n^limit none /b }\n",
      Code::useless_except);
  EXPECT_THAT(r.answers, ElementsAre("kept", "-", "-"));
}

TEST(AllowComments, OfASetAnswerAllOfIt) {
  Result r = apply("# agentfense: allow stale-pattern kept\nset s = {\n ^/a,\n\n ^/b\n}\nset t = { ^/c }\n",
                   Code::stale_pattern);
  EXPECT_THAT(r.answers, ElementsAre("kept", "kept", "-"));
}

TEST(AllowComments, TheNearerOfTwoIsTaken) {
  Result r = apply(
      "policy p {\n  # agentfense: allow dead-rule far\n  # agentfense: allow dead-rule near\n  ^allow read "
      "/a\n}\n");
  EXPECT_THAT(r.answers, ElementsAre("near"));
  ASSERT_EQ(r.reports.size(), 1u);
  EXPECT_THAT(r.reports[0], testing::StartsWith("a.afp:3:3: "));
}

TEST(AllowComments, OnesInQuotesAreNone) {
  Result r = apply("policy p {\n  allow read / \"\\\" # agentfense: allow nonsense\"\n  ^allow read /a\n}\n");
  EXPECT_THAT(r.answers, ElementsAre("-"));
  EXPECT_THAT(r.reports, IsEmpty());
}

TEST(AllowComments, OthersOfAFileAreNotAnswered) {
  std::string with = "agentfense 1\n# agentfense: allow dead-rule here\nset s = { /a }\n";
  std::vector<SourceFile> files{{"a.afp", "agentfense 1\n"}, {"b.afp", with}};
  Diagnostics diagnostics;
  Place place = place_at(1, with, with.find("set"), 3);
  diagnostics.report(Code::dead_rule, place, "one");
  place.file = 0;
  diagnostics.report(Code::dead_rule, place, "two");
  place.line = 0;
  place.file = 1;
  diagnostics.report(Code::dead_rule, place, "of no line");
  apply_allow_comments(files, diagnostics);
  EXPECT_EQ(diagnostics.all()[0].allowed, "here");
  EXPECT_EQ(diagnostics.all()[1].allowed, std::nullopt);
  EXPECT_EQ(diagnostics.all()[2].allowed, std::nullopt);
  EXPECT_TRUE(diagnostics.has_errors());
}

TEST(AllowComments, AnUnusedOneCanBeAllowedToo) {
  Result r = apply(
      "policy p {\n  # agentfense: allow unused-allow depends on the tenant\n"
      "  # agentfense: allow dead-rule of some tenants\n  allow read /a\n}\n");
  EXPECT_THAT(r.reports, IsEmpty());
  r = apply("policy p {\n  # agentfense: allow unused-allow for nothing\n  allow read /a\n}\n");
  EXPECT_THAT(r.reports,
              ElementsAre("a.afp:3:3: warning: nothing below has the finding `unused-allow` any more; "
                          "remove this comment [unused-allow]"));
}

TEST(AllowComments, FaultyOnesAreNamed) {
  const std::pair<const char *, const char *> cases[] = {
      {"# agentfense: alow dead-rule x",
       "a.afp:2:15: warning: only `# agentfense: allow CODE reason` is known; did you mean `allow`? "
       "[bad-allow]"},
      {"# agentfense:", "a.afp:2:1: warning: only `# agentfense: allow CODE reason` is known [bad-allow]"},
      {"# agentfense: allow",
       "a.afp:2:1: warning: the code of a finding is missing: write `# agentfense: allow CODE reason` "
       "[bad-allow]"},
      {"# agentfense: allow dead-rul x",
       "a.afp:2:21: warning: no finding has the code `dead-rul`; did you mean `dead-rule`? [bad-allow]"},
      {"# agentfense: allow zzz x", "a.afp:2:21: warning: no finding has the code `zzz` [bad-allow]"},
      {"# agentfense: allow never-broken x",
       "a.afp:2:21: warning: `never-broken` is no judgement that a comment could overrule; change the policy "
       "instead "
       "[bad-allow]"},
      {"# agentfense: allow dead-rule ",
       "a.afp:2:1: warning: a reason is missing: say behind `dead-rule` why it is right here [bad-allow]"},
      {"policy p { # agentfense: allow dead-rule x\n}",
       "a.afp:2:12: warning: this comment stands behind something; put it on a line of its own above that "
       "[bad-allow]"},
      {"# agentfense: allow dead-rule x",
       "a.afp:2:1: warning: this comment stands above no statement and no item of a list [bad-allow]"},
      {"policy p {\n# agentfense: allow dead-rule x\n}",
       "a.afp:3:1: warning: this comment stands above no statement and no item of a list [bad-allow]"},
  };
  for (const auto &[text, report] : cases)
    EXPECT_THAT(apply(std::string(text) + "\n").reports, ElementsAre(report));
}

TEST(AllowComments, FilesFullOfThemTakeLinearWork) {
  std::string text = "policy p {\n";
  for (int i = 0; i < 20'000; ++i) {
    text += "  # agentfense: allow dead-rule r\n  ^allow read /a\n  # agentfense: allow none of these\n";
  }
  text += "}\n";
  // The marks are taken out one by one, which is the slow part; keep some.
  size_t keep = 20;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '^' && keep > 0) {
      --keep;
    } else if (text[i] == '^') {
      text[i] = ' ';
    }
  }
  Result r = apply(text);
  EXPECT_EQ(std::count(r.answers.begin(), r.answers.end(), "r"), 20);
}

}  // namespace
}  // namespace agentfense::lang
