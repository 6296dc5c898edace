// The policy of an imported rule list against its documents, read anew here: per path, by backtracking over
// text, with none of the importer's patterns. And every listed difference, and the absence of all others.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <tuple>

#include "compiler/import/rule_list.h"
#include "compiler/import/write_policy.h"
#include "lang/load_policy.h"
#include "tests/automaton/random_rules.h"
#include "tests/reference/naive.h"

namespace agentfense::compiler::import {
namespace {

using lang::Level;
using Type = ListRule::Type;
using Parts = std::vector<std::string>;

Parts parts_of(const std::string &text) {
  Parts out;
  std::stringstream in(text);
  for (std::string part; std::getline(in, part, '/');) {
    if (!part.empty()) out.push_back(part);
  }
  return out;
}

bool name_matches(const char *glob, const char *name) {
  if (*glob == '\0') return *name == '\0';
  if (*glob == '*') return name_matches(glob + 1, name) || (*name != '\0' && name_matches(glob, name + 1));
  return *name != '\0' && (*glob == '?' || *glob == *name) && name_matches(glob + 1, name + 1);
}

// `**` is any number of folders.
bool path_matches(const Parts &glob, size_t g, const Parts &path, size_t p) {
  if (g == glob.size()) return p == path.size();
  if (glob[g] == "**")
    return path_matches(glob, g + 1, path, p) || (p < path.size() && path_matches(glob, g, path, p + 1));
  return p < path.size() && name_matches(glob[g].c_str(), path[p].c_str()) &&
         path_matches(glob, g + 1, path, p + 1);
}

bool rule_matches(const ListRule &rule, const Parts &path) {
  const Parts pattern = parts_of(rule.pattern);
  for (size_t length = path.size(); length > 0; --length) {
    const Parts prefix(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(length));
    const bool here = rule.type == Type::glob ? path_matches(pattern, 0, prefix, 0) : pattern == prefix;
    if (here) return true;
    // Only what is hidden, and a directory, speak for what is below them.
    if (rule.level != Level::none && rule.type != Type::directory) return false;
  }
  return pattern.empty() && rule.type == Type::directory;
}

// What the documents promise, for all of `paths`. More specific: covers strictly less of all small paths.
class Documents {
 public:
  Documents(const RuleList &list, const std::vector<std::string> &paths) : list_(list) {
    for (const ListRule &r : list.rules) {
      std::vector<bool> covered;
      for (const std::string &path : paths) {
        ListRule hiding = r;
        hiding.level = Level::none;  // so that it covers what is below
        covered.push_back(rule_matches(hiding, parts_of(path)));
      }
      covers_.push_back(covered);
    }
  }

  [[nodiscard]] Level level(const std::string &path) const {
    std::vector<size_t> matching;
    for (size_t i = 0; i < list_.rules.size(); ++i) {
      if (rule_matches(list_.rules[i], parts_of(path))) matching.push_back(i);
    }
    Level lowest = Level::write;
    bool any = false;
    for (const size_t i : matching) {
      if (std::ranges::any_of(matching, [&](size_t k) { return beats(k, i); })) continue;
      any = true;
      lowest = std::min(lowest, list_.rules[i].level);
    }
    return any ? lowest : Level::none;
  }

 private:
  static int standing(const ListRule &r) {
    const bool wild = r.pattern.find_first_of("*?[") != std::string::npos;
    return !r.typed && !wild ? 3 : static_cast<int>(r.type);
  }
  [[nodiscard]] bool beats(size_t a, size_t b) const {
    const ListRule &x = list_.rules[a];
    const ListRule &y = list_.rules[b];
    if (x.priority != y.priority) return x.priority > y.priority;
    if (standing(x) != standing(y)) return standing(x) > standing(y);
    bool less = false;
    for (size_t i = 0; i < covers_[a].size(); ++i) {
      if (covers_[a][i] && !covers_[b][i]) return false;
      less |= !covers_[a][i] && covers_[b][i];
    }
    return less;
  }
  const RuleList &list_;
  std::vector<std::vector<bool>> covers_;
};

// What the project's permission check does, from its description of steps: the score of the spelling, the
// whole path against the glob with `**` as `*`, then the one `**` case.
Level code_level(const RuleList &list, const std::string &path) {
  std::vector<ListRule> rules = list.rules;
  const auto score = [](const std::string &p) {
    const size_t deep = p.find("**");
    return (p.starts_with("/") ? 100 : 0) + (p.starts_with("**") ? 0 : 50) +
           (deep != std::string::npos ? static_cast<int>(deep) : 0) +
           (p.find('*') == std::string::npos ? 200 : 0);
  };
  std::ranges::stable_sort(rules, [&](const ListRule &a, const ListRule &b) {
    return std::tuple(-a.priority, -static_cast<int>(a.type), -score(a.pattern)) <
           std::tuple(-b.priority, -static_cast<int>(b.type), -score(b.pattern));
  });
  const Parts names = parts_of(path);
  for (const ListRule &rule : rules) {
    const std::string pattern = rule.pattern.starts_with("/") ? rule.pattern : "/" + rule.pattern;
    bool matches = path == pattern;
    if (rule.type == Type::directory) matches |= path.starts_with(pattern + "/");
    if (rule.type == Type::glob) {
      const Parts globs = parts_of(pattern);
      bool whole = globs.size() == names.size();
      for (size_t i = 0; whole && i < globs.size(); ++i)
        whole = name_matches(globs[i].c_str(), names[i].c_str());
      matches |= whole;
      const size_t deep = pattern.find("**");
      if (deep != std::string::npos && pattern.find("**", deep + 2) == std::string::npos) {
        const std::string before = pattern.substr(0, deep - 1);
        const std::string after = pattern.substr(deep + 2);
        const bool inside = before.empty() || path.starts_with(before + "/");
        const bool fits = after.empty() || (after.find('/', 1) == std::string::npos &&
                                            name_matches(after.c_str() + 1, names.back().c_str()));
        matches |= (!before.empty() && path == before) || (inside && fits);
      }
    }
    if (matches) return rule.level;
  }
  return Level::none;
}

lang::RuleSet parsed(const std::string &text) {
  lang::Diagnostics diagnostics;
  lang::DiskReader reader;
  lang::LoadResult loaded = lang::load_policy_text("imported.afp", text, {}, reader, diagnostics);
  EXPECT_TRUE(loaded.rules) << text << (diagnostics.all().empty() ? "" : diagnostics.all()[0].message);
  return loaded.rules ? *loaded.rules : lang::RuleSet{};
}

RuleList random_list(std::mt19937 &random) {
  const auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
  static const std::vector<std::string> kParts{"a", "b", "*", "a*", "**", "**", "?b"};
  RuleList list;
  const size_t rules = 1 + below(5);
  for (size_t r = 0; r < rules; ++r) {
    ListRule rule;
    const size_t length = 1 + below(3);
    for (size_t i = 0; i < length; ++i)
      rule.pattern += (i > 0 || below(2) == 0 ? "/" : "") + kParts[below(kParts.size())];
    rule.level = static_cast<Level>(below(4));
    rule.priority = static_cast<int64_t>(below(3)) * 10;
    const bool wild = rule.pattern.find_first_of("*?") != std::string::npos;
    if (!wild && below(2) == 0) {
      rule.type = below(2) == 0 ? Type::directory : Type::file;
      rule.typed = true;
    }
    list.rules.push_back(rule);
  }
  return list;
}

std::string spelled(const RuleList &list) {
  std::string out;
  for (const ListRule &r : list.rules)
    out += "{" + r.pattern + " " + lang::level_name(r.level) + " " + std::to_string(r.priority) + " type " +
           std::to_string(static_cast<int>(r.type)) + "} ";
  return out;
}

TEST(RuleList, PolicyGivesWhatTheDocumentsPromiseOrLessAndListsEachClass) {
  const std::vector<std::string> paths = tests::all_paths({"a", "b", "ab", "bb", "c"}, 4);
  std::mt19937 random(4711);
  int exact = 0;
  int different = 0;
  for (int round = 0; round < 1500; ++round) {
    const RuleList list = random_list(random);
    Result result = import_rule_list(list, "p");
    ASSERT_TRUE(std::holds_alternative<Draft>(result)) << spelled(list) << std::get<Refusal>(result).message;
    const Draft &draft = std::get<Draft>(result);
    ASSERT_TRUE(draft.decided) << spelled(list);
    const lang::RuleSet ours = parsed(policy_text(draft, "x.json", "a rule list"));
    const Documents documents(list, paths);
    std::set<std::pair<Level, Level>> found;
    for (const std::string &path : paths) {
      if (path == "/") continue;
      const Level promised = documents.level(path);
      const Level got = reference::evaluate(ours, path).level;
      ASSERT_LE(got, promised) << spelled(list) << path << "\n" << policy_text(draft, "x", "y");
      if (promised != got) found.emplace(promised, got);
    }
    std::set<std::pair<Level, Level>> listed;
    for (const Difference &d : draft.from_documents) {
      listed.emplace(d.promised, d.other);
      EXPECT_EQ(reference::evaluate(ours, d.example).level, d.other) << spelled(list) << d.example;
      EXPECT_EQ(documents.level(d.example), d.promised) << spelled(list) << d.example;
      const auto small = std::ranges::find(paths, d.example);
      if (small == paths.end()) continue;
      EXPECT_TRUE(found.contains({d.promised, d.other})) << d.example;
    }
    for (const auto &pair : found) EXPECT_TRUE(listed.contains(pair)) << spelled(list);
    std::set<std::pair<Level, Level>> code_listed;
    for (const Difference &d : draft.from_code) {
      code_listed.emplace(d.promised, d.other);
      for (const std::string &example : {d.example, d.familiar}) {
        if (example.empty()) continue;
        EXPECT_EQ(code_level(list, example), d.other) << spelled(list) << example;
        EXPECT_EQ(documents.level(example), d.promised) << spelled(list) << example;
      }
    }
    for (const std::string &path : paths) {
      if (path == "/") continue;
      const std::pair<Level, Level> pair(documents.level(path), code_level(list, path));
      EXPECT_TRUE(pair.first == pair.second || code_listed.contains(pair)) << spelled(list) << path;
    }
    ++(found.empty() ? exact : different);
  }
  // Both kinds must be met, or the test shows nothing.
  EXPECT_GT(exact, 500);
  EXPECT_GT(different, 50);
}

TEST(RuleList, ASpecificReadDoesNotOpenWhatIsHiddenEverywhere) {
  RuleList list;
  list.rules.push_back({"/src/**", Level::read, 0, Type::glob, false});
  list.rules.push_back({"**/.env", Level::none, 0, Type::glob, false});
  const Draft draft = std::get<Draft>(import_rule_list(list, "p"));
  const lang::RuleSet ours = parsed(policy_text(draft, "x.json", "a rule list"));
  EXPECT_EQ(reference::evaluate(ours, "/src/.env").level, Level::none);
  ASSERT_FALSE(draft.from_code.empty());
  EXPECT_EQ(draft.from_code[0].example, "/src/.env");
  EXPECT_EQ(draft.from_code[0].other, Level::read);
}

}  // namespace
}  // namespace agentfense::compiler::import
