// survey_tree() against a walk that asks the reference about each path.
#include "compiler/tree/survey.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <random>
#include <set>

#include "compiler/analysis/path_order.h"
#include "tests/automaton/random_rules.h"
#include "tests/reference/naive.h"
#include "tests/reference/rule_text.h"
#include "tests/tree/scratch_tree.h"

namespace agentfense::tests {
namespace {

using compiler::TreeSurvey;
using lang::Level;

struct Result {
  TreeSurvey survey;
  lang::Diagnostics diagnostics;
};

Result survey(const ScratchTree &tree, const lang::RuleSet &rules) {
  Result result;
  compiler::BuildResult built = compiler::build_automaton(rules, compiler::Budget{});
  auto surveyed = compiler::survey_tree(tree.root(), rules, *built.automaton, {}, result.diagnostics);
  result.survey = std::get<TreeSurvey>(surveyed);
  return result;
}

std::vector<std::string> messages(const lang::Diagnostics &diagnostics, lang::Code code) {
  std::vector<std::string> messages;
  for (const lang::Diagnostic &d : diagnostics.all()) {
    if (d.code == code) messages.push_back(d.message);
  }
  return messages;
}

// Some files twice, below a few names, so that rules meet them.
void grow(ScratchTree &tree, std::mt19937 &random) {
  std::vector<std::string> files;
  for (int i = 0; i < 25; ++i) {
    const std::string path = random_path(random, {.depth = 2, .names = 2});
    if (path == "/" || std::filesystem::exists(tree.root() + path)) continue;
    std::error_code error;
    std::filesystem::create_directories((tree.root() + path).substr(0, (tree.root() + path).rfind('/')),
                                        error);
    if (error) continue;  // below a file
    if (random() % 4 == 0) {
      tree.directory(path);
    } else if (random() % 8 == 0) {
      tree.symlink("..", path);
    } else if (!files.empty() && random() % 2 == 0) {
      tree.link(files[random() % files.size()], path);
    } else {
      tree.file(path);
      files.push_back(path);
    }
  }
}

struct Expected {
  TreeSurvey survey;
  std::vector<std::string> stale;
  std::map<uint32_t, std::string> linked;  // line of a rule -> example
};

std::string stale_message(const std::vector<lang::RulePattern> &patterns, const std::string &what,
                          const std::vector<std::vector<std::string>> &paths) {
  std::vector<std::string> stale;
  for (const lang::RulePattern &pattern : patterns) {
    const bool covers = std::ranges::any_of(pattern.alternatives, [&](const lang::PathPattern &alternative) {
      return reference::covers(alternative, {}) || std::ranges::any_of(paths, [&](const auto &path) {
               return reference::covers(alternative, path);
             });
    });
    if (!covers) stale.push_back("`" + pattern.text + "`");
  }
  if (stale.empty()) return "";
  std::string message = what + (what.empty() ? "" : stale.size() > 1 ? "s " : " ") + stale[0];
  for (size_t i = 1; i < std::min<size_t>(stale.size(), 5); ++i) message += ", " + stale[i];
  if (stale.size() > 5) message += " and " + std::to_string(stale.size() - 5) + " more";
  return message + (stale.size() == 1 ? " matches" : " match") + " no file of the tree";
}

Expected expect(const ScratchTree &tree, const lang::RuleSet &rules) {
  Expected expected;
  expected.survey.decided.resize(rules.rules.size());
  std::vector<std::vector<std::string>> paths;
  struct Names {
    std::vector<std::string> readable, hidden;
  };
  std::map<ino_t, Names> files;
  for (const auto &entry : std::filesystem::recursive_directory_iterator(tree.root())) {
    const std::string path = entry.path().string().substr(tree.root().size());
    const reference::Answer answer = reference::evaluate(rules, path);
    ++expected.survey.entries;
    expected.survey.directories += entry.is_directory() && !entry.is_symlink();
    ++expected.survey.by_level[static_cast<size_t>(answer.level)];
    ++(answer.rule == reference::kNoRule ? expected.survey.decided_by_none
                                         : expected.survey.decided[answer.rule]);
    paths.push_back(reference::split(path));
    struct stat status {};
    if (::lstat(entry.path().c_str(), &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink > 1) {
      Names &names = files[status.st_ino];
      (answer.level >= Level::read ? names.readable : names.hidden).push_back(path);
    }
  }
  for (auto &[inode, names] : files) {
    if (names.readable.empty() || names.hidden.empty()) continue;
    const std::string least = *std::ranges::min_element(names.readable, compiler::path_less);
    const uint32_t line = rules.rules[reference::evaluate(rules, least).rule].place.line;
    const auto [it, fresh] = expected.linked.try_emplace(line, least);
    if (!fresh && compiler::path_less(least, it->second)) it->second = least;
  }
  for (const lang::Rule &rule : rules.rules) {
    // What lowers nothing has no part in the automaton.
    if (rule.kind == lang::Rule::Kind::limit && rule.level == Level::write) continue;
    for (const std::string &message :
         {stale_message(rule.patterns, "", paths), stale_message(rule.except, "exception", paths)}) {
      if (!message.empty()) expected.stale.push_back(message);
    }
  }
  return expected;
}

TEST(Survey, CountsAndFindingsOfRandomTrees) {
  std::mt19937 random(41);
  int stale = 0, linked = 0;
  for (int round = 0; round < 30; ++round) {
    ScratchTree tree;
    grow(tree, random);
    for (int policy = 0; policy < 40; ++policy) {
      std::string text = random_rules(random, {.rules = 5, .depth = 3, .names = 3});
      std::string kept;
      for (size_t at = 0; at < text.size();) {
        const size_t end = text.find('\n', at) + 1;
        const std::string line = text.substr(at, end - at);
        if (!line.starts_with("limit write")) kept += line;
        at = end;
      }
      text = kept + "allow read /a\n";
      const lang::RuleSet rules = reference::rules_of(text);
      const Result result = survey(tree, rules);
      const Expected expected = expect(tree, rules);
      ASSERT_EQ(result.survey.entries, expected.survey.entries);
      ASSERT_EQ(result.survey.directories, expected.survey.directories);
      ASSERT_EQ(result.survey.by_level, expected.survey.by_level) << text;
      ASSERT_EQ(result.survey.decided, expected.survey.decided) << text;
      ASSERT_EQ(result.survey.decided_by_none, expected.survey.decided_by_none) << text;
      ASSERT_EQ(messages(result.diagnostics, lang::Code::stale_pattern), expected.stale) << text;
      std::map<uint32_t, std::string> found;
      for (const lang::Diagnostic &d : result.diagnostics.all()) {
        if (d.code == lang::Code::linked_file) found[d.place.line] = d.example;
      }
      ASSERT_EQ(found, expected.linked) << text;
      stale += !expected.stale.empty();
      linked += static_cast<int>(expected.linked.size());
    }
  }
  EXPECT_GT(stale, 100);
  EXPECT_GT(linked, 50);
}

TEST(Survey, SaysWhichFileIsReadableUnderAnotherName) {
  ScratchTree tree;
  for (const char *name : {"/hidden", "/open"}) tree.directory(name);
  tree.file("/hidden/secret");
  tree.link("/hidden/secret", "/open/b");
  tree.link("/hidden/secret", "/open/aa");
  tree.file("/hidden/other");
  tree.link("/hidden/other", "/open/other");
  const lang::RuleSet rules = reference::rules_of("allow read /open\nallow view /hidden\n");
  const Result result = survey(tree, rules);
  ASSERT_EQ(result.diagnostics.all().size(), 1u);
  const lang::Diagnostic &d = result.diagnostics.all()[0];
  EXPECT_EQ(d.code, lang::Code::linked_file);
  EXPECT_EQ(d.severity, lang::Severity::warning);
  EXPECT_EQ(d.place.line, 1u);
  EXPECT_EQ(d.example, "/open/b");
  EXPECT_EQ(
      d.message,
      "`/open/b` is a second name of `/hidden/secret`, of which the policy shows the name alone, and its "
      "content is readable here (and 1 more such files); remove the hard link or limit this path too");
}

TEST(Survey, InheritedPatternsThatMatchNothingAreNotes) {
  ScratchTree tree;
  tree.file("/f");
  lang::RuleSet rules = reference::rules_of("allow read /\nlimit none /a, /b, /f\nlimit view /c except /d\n");
  rules.rules[1].inherited = rules.rules[2].inherited = true;
  // As `extends ... except /d` puts it there: written elsewhere, in the main file.
  rules.rules[2].except[0].place.offset = 1000;
  const Result result = survey(tree, rules);
  ASSERT_EQ(
      messages(result.diagnostics, lang::Code::stale_pattern),
      (std::vector<std::string>{"`/a`, `/b` match no file of the tree", "`/c` matches no file of the tree",
                                "exception `/d` matches no file of the tree"}));
  EXPECT_EQ(result.diagnostics.all()[0].severity, lang::Severity::note);
  EXPECT_EQ(result.diagnostics.all()[1].severity, lang::Severity::note);
  EXPECT_EQ(result.diagnostics.all()[2].severity, lang::Severity::warning);
}

// A preset names what trees may hold; that this one holds none of it is for the report alone.
TEST(Survey, StalePatternsOfPresetsAreForTheReport) {
  ScratchTree tree;
  tree.file("/f");
  lang::RuleSet rules = reference::rules_of("allow read /, /x\nlimit none /a\n");
  rules.files = {{"main.afp", ""}, {"preset:secrets", ""}};
  rules.rules[1].inherited = true;
  rules.rules[1].patterns[0].place.file = 1;
  const Result result = survey(tree, rules);
  ASSERT_EQ(messages(result.diagnostics, lang::Code::stale_pattern).size(), 2u);
  EXPECT_FALSE(result.diagnostics.all()[0].report_only);
  EXPECT_TRUE(result.diagnostics.all()[1].report_only);
}

TEST(Survey, SaysWhyThereIsNoTree) {
  const lang::RuleSet rules = reference::rules_of("allow read /\n");
  compiler::BuildResult built = compiler::build_automaton(rules, compiler::Budget{});
  lang::Diagnostics diagnostics;
  const auto result = compiler::survey_tree("/missing\x1b", rules, *built.automaton, {}, diagnostics);
  ASSERT_TRUE(std::holds_alternative<std::string>(result));
  EXPECT_EQ(std::get<std::string>(result),
            "`/missing\\x1B` cannot be listed: No such file or directory; name a directory");
}

}  // namespace
}  // namespace agentfense::tests
