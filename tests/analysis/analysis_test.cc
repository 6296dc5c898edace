// Every finding against its definition: each example is confirmed and no shorter path shows the same,
// and each silence is confirmed over all small paths.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "compiler/analysis/checks.h"
#include "compiler/analysis/look_alike.h"
#include "compiler/analysis/path_order.h"
#include "tests/analysis/brute_force.h"
#include "tests/automaton/random_rules.h"
#include "tests/reference/naive.h"
#include "tests/reference/rule_text.h"

namespace agentfense::tests {
namespace {

using compiler::Depth;
using lang::Code;
using lang::Level;
using Kind = lang::Rule::Kind;

// These names have between them every set of these globs that a name can match.
const std::vector<std::string> kNames = {"a", "b", "c", "aa", "ab", "ba", "bb"};
const std::vector<std::string> kGlobs = {"a", "a", "b", "b", "*", "a*", "*b", "{a,b}", "?", "[!a]"};

std::string pick(std::mt19937 &random, const std::vector<std::string> &from) {
  return from[random() % from.size()];
}

// Patterns need few components to meet, so that paths of few components decide.
std::string small_patterns(std::mt19937 &random) {
  std::string text;
  do {
    switch (random() % 8) {
      case 0:
        text += "/";
        break;
      case 1:
      case 2:
        text += "**/" + pick(random, kGlobs);
        break;
      case 3:
        text += "/" + pick(random, kGlobs) + "/" + pick(random, kGlobs);
        break;
      case 4:
        text += "/" + pick(random, kGlobs) + "/**/" + pick(random, kGlobs);
        break;
      default:
        text += "/" + pick(random, kGlobs);
    }
    text += " ";
  } while (random() % 4 == 0);
  return text;
}

// Always with an allow: limits alone are a policy to be extended, which is asked for nothing.
std::string small_rules(std::mt19937 &random, int rules) {
  static const std::vector<std::string> kHeads = {"allow view ", "allow read ", "allow write ", "limit none ",
                                                  "limit view ", "limit read ", "limit none "};
  std::string text = "allow read " + (random() % 2 == 0 ? "/\n" : small_patterns(random) + "\n");
  for (int r = 0; r < rules; ++r) {
    std::string head =
        random() % 40 == 0 ? pick(random, {"allow none ", "limit write "}) : pick(random, kHeads);
    text += head + small_patterns(random);
    if (head[0] == 'l' && random() % 2 == 0) text += "except " + small_patterns(random);
    text += "\n";
  }
  return text;
}

// Each rule and each pattern gets a place of its own, as the parser gives them.
lang::RuleSet placed(lang::RuleSet rules) {
  uint32_t offset = 0;
  for (lang::Rule &rule : rules.rules) {
    rule.place.offset = ++offset;
    for (lang::RulePattern &pattern : rule.patterns) pattern.place = {0, rule.place.line, 1, ++offset, 1};
    for (lang::RulePattern &pattern : rule.except) pattern.place = {0, rule.place.line, 1, ++offset, 1};
  }
  return rules;
}

struct Analysed {
  lang::Diagnostics diagnostics;
  compiler::Analysis analysis;

  [[nodiscard]] const lang::Diagnostic *find(Code code, const lang::Place &place) const {
    for (const lang::Diagnostic &d : diagnostics.all()) {
      if (d.code == code && d.place.offset == place.offset) return &d;
    }
    return nullptr;
  }
};

Analysed analyse(const lang::RuleSet &rules) {
  Analysed a;
  compiler::BuildResult built = compiler::build_automaton(rules, compiler::Budget{});
  if (!built.automaton) throw std::runtime_error("too complex");
  compiler::Scope scope(rules, *built.automaton);
  check_dead_rules(scope, a.diagnostics);
  a.analysis = compiler::analyse(scope, Depth::report, a.diagnostics);
  return a;
}

// The example shows it, and no lesser path of those tried does.
void expect_least(const Setting &s, const std::string &example, const PathTest &test,
                  const std::string &text) {
  ASSERT_FALSE(example.empty()) << text;
  ASSERT_TRUE(test(path_of(s.rules, example))) << example << "\n" << text;
  const std::string least = first_path(s, test);
  ASSERT_TRUE(least.empty() || !compiler::path_less(least, example)) << least << " before " << example << "\n"
                                                                     << text;
}

class Findings : public testing::Test {
 protected:
  // Calls `check` with many random policies over all paths of kNames.
  template <typename Check>
  void each(int rounds, unsigned seed, const Check &check) {
    std::mt19937 random(seed);
    const std::vector<std::string> paths = all_paths(kNames, 4);
    for (int round = 0; round < rounds && !HasFatalFailure(); ++round) {
      const std::string text = small_rules(random, 3);
      const Setting s = setting_of(placed(reference::rules_of(text)), paths);
      check(s, analyse(s.rules), text);
    }
  }
};

TEST_F(Findings, RedundantLimitsAreThoseThatChangeNothing) {
  int redundant = 0, idle = 0, needed = 0;
  each(600, 21, [&](const Setting &s, const Analysed &a, const std::string &text) {
    for (size_t r = 0; r < s.rules.rules.size(); ++r) {
      const lang::Rule &rule = s.rules.rules[r];
      if (rule.kind != Kind::limit) continue;
      const lang::Diagnostic *found = a.find(Code::redundant_limit, rule.place);
      const PathTest changed = changed_by(without_rule(s.rules, r));
      if (!found) {
        ASSERT_TRUE(shown(s, changed, kNames)) << rule.text << " in\n" << text;
        ++needed;
        continue;
      }
      ASSERT_EQ(first_path(s, changed), "") << rule.text << " in\n" << text;
      const PathTest speaks_at = [&](const Path &p) { return speaks(rule, p.names); };
      const bool works = !first_path(s, [&](const Path &p) {
                            return speaks_at(p) && allowed_at(s.rules, p.names) > rule.level;
                          }).empty();
      ASSERT_EQ(found->severity, works ? lang::Severity::note : lang::Severity::warning)
          << rule.text << " in\n"
          << text;
      ++(works ? redundant : idle);
      if (rule.level < Level::write && !first_path(s, speaks_at).empty()) {
        expect_least(s, found->example, speaks_at, text);
      }
    }
  });
  EXPECT_GT(redundant, 50);
  EXPECT_GT(idle, 50);
  EXPECT_GT(needed, 50);
}

TEST_F(Findings, CappedAllowsAreLoweredEverywhere) {
  int capped = 0, partly = 0, full = 0;
  each(600, 22, [&](const Setting &s, const Analysed &a, const std::string &text) {
    for (const lang::Rule &rule : s.rules.rules) {
      if (rule.kind != Kind::allow || a.find(Code::dead_rule, rule.place)) continue;
      const PathTest gives = [&](const Path &p) {
        return covers(rule.patterns, p.names) && p.level >= rule.level;
      };
      const PathTest lowered = [&](const Path &p) {
        return covers(rule.patterns, p.names) && p.level < rule.level;
      };
      const lang::Diagnostic *found = a.find(Code::capped_allow, rule.place);
      if (!found) {
        ++full;
        ASSERT_TRUE(shown(s, gives, kNames)) << rule.text << " in\n" << text;
        ASSERT_EQ(first_path(s, lowered), "") << rule.text << " in\n" << text;
      } else if (found->report_only) {
        ++partly;
        ASSERT_TRUE(shown(s, gives, kNames)) << rule.text << " in\n" << text;
        expect_least(s, found->example, lowered, text);
      } else {
        ++capped;
        ASSERT_EQ(first_path(s, gives), "") << rule.text << " in\n" << text;
        expect_least(s, found->example, lowered, text);
      }
    }
  });
  EXPECT_GT(capped, 20);
  EXPECT_GT(partly, 50);
  EXPECT_GT(full, 50);
}

TEST_F(Findings, UselessExceptionsAreThoseThatChangeNothing) {
  int useless = 0, useful = 0;
  each(600, 23, [&](const Setting &s, const Analysed &a, const std::string &text) {
    for (size_t r = 0; r < s.rules.rules.size(); ++r) {
      const lang::Rule &rule = s.rules.rules[r];
      for (size_t e = 0; e < rule.except.size(); ++e) {
        const PathTest changed = changed_by(without_except(s.rules, r, e));
        const lang::Diagnostic *found = a.find(Code::useless_except, rule.except[e].place);
        if (!found) {
          ++useful;
          ASSERT_TRUE(shown(s, changed, kNames)) << rule.except[e].text << " of " << rule.text << " in\n"
                                                 << text;
          continue;
        }
        ++useless;
        ASSERT_EQ(first_path(s, changed), "") << rule.except[e].text << " of " << rule.text << " in\n"
                                              << text;
        const PathTest meets = [&](const Path &p) {
          return covers(rule.patterns, p.names) && covers({rule.except[e]}, p.names);
        };
        if (!first_path(s, meets).empty() && rule.level < Level::write) {
          expect_least(s, found->example, meets, text);
        }
      }
    }
  });
  EXPECT_GT(useless, 50);
  EXPECT_GT(useful, 50);
}

TEST_F(Findings, AnExceptionOfManyLimitsIsUselessWhereItIsForEach) {
  lang::RuleSet rules = placed(reference::rules_of(
      "allow read /\nlimit none /a except /a/x /b/y /c\nlimit none /b except /a/x /b/y /c\n"));
  for (size_t e = 0; e < 3; ++e) rules.rules[2].except[e].place = rules.rules[1].except[e].place;
  const Analysed a = analyse(rules);
  EXPECT_EQ(a.find(Code::useless_except, rules.rules[1].except[0].place), nullptr);
  EXPECT_EQ(a.find(Code::useless_except, rules.rules[1].except[1].place), nullptr);
  ASSERT_NE(a.find(Code::useless_except, rules.rules[1].except[2].place), nullptr);
  EXPECT_EQ(a.find(Code::useless_except, rules.rules[1].except[2].place)->example, "/c");
}

TEST_F(Findings, OverlapsAreThePairsThatMeet) {
  int meeting = 0, apart = 0;
  each(500, 24, [&](const Setting &s, const Analysed &a, const std::string &text) {
    std::map<std::pair<uint32_t, uint32_t>, const compiler::Overlap *> found;
    for (const compiler::Overlap &o : a.analysis.overlaps) found[{o.allow, o.limit}] = &o;
    ASSERT_EQ(a.analysis.overlaps_left_out, 0u);
    for (uint32_t x = 0; x < s.rules.rules.size(); ++x) {
      for (uint32_t l = 0; l < s.rules.rules.size(); ++l) {
        const lang::Rule &allow = s.rules.rules[x], &limit = s.rules.rules[l];
        if (allow.kind != Kind::allow || limit.kind != Kind::limit || allow.level == limit.level) continue;
        const PathTest meets = [&](const Path &p) {
          return speaks(allow, p.names) && speaks(limit, p.names);
        };
        const auto it = found.find({x, l});
        if (it == found.end()) {
          ++apart;
          ASSERT_EQ(first_path(s, meets), "") << allow.text << " and " << limit.text << " in\n" << text;
          continue;
        }
        ++meeting;
        ASSERT_EQ(it->second->limit_decides, limit.level < allow.level);
        expect_least(s, it->second->example, meets, text);
      }
    }
  });
  EXPECT_GT(meeting, 100);
  EXPECT_GT(apart, 30);
}

TEST_F(Findings, WeakeningsAreWhatIsOpen) {
  int openings = 0, exceptions = 0;
  each(500, 25, [&](const Setting &s, const Analysed &a, const std::string &text) {
    std::map<std::tuple<int, uint32_t, uint32_t>, const compiler::Weakening *> found;
    for (const compiler::Weakening &w : a.analysis.weakenings) {
      found[{static_cast<int>(w.kind), w.rule, w.pattern}] = &w;
    }
    for (uint32_t r = 0; r < s.rules.rules.size(); ++r) {
      const lang::Rule &rule = s.rules.rules[r];
      const bool allow = rule.kind == Kind::allow;
      const std::vector<lang::RulePattern> &patterns = allow ? rule.patterns : rule.except;
      for (uint32_t i = 0; i < patterns.size(); ++i) {
        const PathTest meets = [&](const Path &p) {
          return covers({patterns[i]}, p.names) && (allow || covers(rule.patterns, p.names));
        };
        Level highest = Level::none;
        for (const Path &p : s.paths) {
          if (meets(p)) highest = std::max(highest, p.level);
        }
        if (allow) highest = std::min(highest, rule.level);
        const auto it = found.find({allow ? 0 : 1, r, i});
        if (it == found.end()) {
          ASSERT_LE(highest, allow ? Level::none : rule.level)
              << patterns[i].text << " of " << rule.text << " in\n"
              << text;
          continue;
        }
        ++(allow ? openings : exceptions);
        ASSERT_GE(it->second->level, highest) << patterns[i].text << " of " << rule.text << " in\n" << text;
        expect_least(
            s, it->second->example, [&](const Path &p) { return meets(p) && p.level >= it->second->level; },
            text);
      }
    }
  });
  EXPECT_GT(openings, 100);
  EXPECT_GT(exceptions, 30);
}

bool literal(const lang::PatternComponent &c) {
  return !c.any_depth && std::ranges::all_of(c.glob, [](const lang::GlobItem &item) {
    int bytes = 0;
    for (unsigned b = 0; b < 256; ++b) bytes += item.bytes.has(static_cast<unsigned char>(b)) ? 1 : 0;
    return !item.star && bytes == 1;
  });
}

// Deeper paths and fewer names: what makes a directory visible may lie two components below it.
TEST_F(Findings, ExposedNamesAreOfHiddenDirectoriesOnTheWay) {
  std::mt19937 random(26);
  const std::vector<std::string> paths = all_paths(kNames, 4);
  std::vector<std::string> tails = all_paths(kNames, 2);
  std::erase(tails, "/");
  int open = 0, spelt = 0, none = 0;
  for (int round = 0; round < 300; ++round) {
    const std::string text = small_rules(random, 2);
    const Setting s = setting_of(placed(reference::rules_of(text)), paths);
    const Analysed a = analyse(s.rules);
    for (uint32_t r = 0; r < s.rules.rules.size(); ++r) {
      const lang::Rule &rule = s.rules.rules[r];
      if (rule.kind != Kind::allow) continue;
      bool exposes_open = false, exposes = false;
      std::string least_open;
      for (const lang::RulePattern &pattern : rule.patterns) {
        for (const lang::PathPattern &alternative : pattern.alternatives) {
          size_t needed = 1;
          while (needed <= alternative.components.size() && literal(alternative.components[needed - 1]))
            ++needed;
          const bool has_open = needed <= alternative.components.size();
          // Directories above something visible that the pattern covers.
          std::set<std::string> above;
          for (const Path &p : s.paths) {
            if (p.level == Level::none || !reference::covers(alternative, p.names)) continue;
            for (std::string d = p.text; d.size() > 1 && d.rfind('/') > 0;) {
              d.resize(d.rfind('/'));
              above.insert(d);
            }
          }
          for (const Path &p : s.paths) {
            if (p.level != Level::none || !above.contains(p.text)) continue;
            exposes = true;
            if (!has_open || p.names.size() < needed) continue;
            exposes_open = true;
            if (least_open.empty() || compiler::path_less(p.text, least_open)) least_open = p.text;
          }
        }
      }
      if (a.find(Code::dead_rule, rule.place)) exposes = exposes_open = false;
      const lang::Diagnostic *found = a.find(Code::name_exposure, rule.place);
      if (exposes) {
        ASSERT_NE(found, nullptr) << rule.text << " in\n" << text;
      }
      ++(exposes_open ? open : exposes ? spelt : none);
      if (!found) continue;
      if (exposes_open) {
        ASSERT_FALSE(found->report_only) << rule.text << " in\n" << text;
        ASSERT_FALSE(compiler::path_less(least_open, found->example))
            << least_open << " before " << found->example << "\n"
            << text;
      }
      // What it shows may need a name that is not among those above.
      ASSERT_EQ(reference::evaluate(s.rules, found->example).level, Level::none) << found->example << text;
      ASSERT_TRUE(std::ranges::any_of(
          tails,
          [&](const std::string &tail) {
            return covers(rule.patterns, reference::split(found->example + tail)) &&
                   reference::evaluate(s.rules, found->example + tail).level > Level::none;
          }))
          << found->example << " for " << rule.text << " in\n"
          << text;
    }
  }
  EXPECT_GT(open, 40);
  EXPECT_GT(spelt, 10);
  EXPECT_GT(none, 40);
}

// The policy's limit, written for the look-alike names by look_alike() and matched by the reference.
TEST_F(Findings, NearMissesAreReadableLookAlikes) {
  std::mt19937 random(27);
  const std::vector<std::string> names = {"a",     "b",      "A",      "B",     "aa",  "ab",  "Ab",
                                          "bB",    "a~",     "b~",     "c~",    "#a#", "#b#", "a.bak",
                                          "b.bak", ".a.swp", ".b.swp", "a.swp", "ab~", "c",   "aB~"};
  const std::vector<std::string> paths = all_paths(names, 2);
  int near = 0, none = 0;
  for (int round = 0; round < 400; ++round) {
    const std::string text = "allow read /\n" + random_rules(random, {.rules = 3, .depth = 2, .names = 2});
    const Setting s = setting_of(placed(reference::rules_of(text)), paths);
    const Analysed a = analyse(s.rules);
    for (const lang::Rule &rule : s.rules.rules) {
      if (rule.kind != Kind::limit) continue;
      std::string least;
      const auto is_twin = [&](const std::vector<std::string> &path, compiler::LookAlike kind) {
        const auto twin_covers = [&](const std::vector<lang::RulePattern> &patterns) {
          return std::ranges::any_of(patterns, [&](const lang::RulePattern &pattern) {
            return std::ranges::any_of(pattern.alternatives, [&](const lang::PathPattern &alternative) {
              const auto twin = compiler::look_alike(alternative, kind);
              return twin && reference::covers(*twin, path);
            });
          });
        };
        return twin_covers(rule.patterns) && !twin_covers(rule.except) && !covers(rule.except, path);
      };
      const auto near_miss = [&](const std::vector<std::string> &path) {
        return std::ranges::any_of(compiler::kLookAlikes, [&](auto kind) { return is_twin(path, kind); });
      };
      if (rule.level < Level::read) {
        least = first_path(s, [&](const Path &p) { return p.level >= Level::read && near_miss(p.names); });
      }
      const lang::Diagnostic *found = a.find(Code::near_miss, rule.place);
      if (!least.empty()) {
        ASSERT_NE(found, nullptr) << rule.text << " in\n" << text << least;
      }
      ++(found ? near : none);
      if (!found) continue;
      ASSERT_GE(reference::evaluate(s.rules, found->example).level, Level::read) << text;
      ASSERT_TRUE(near_miss(reference::split(found->example))) << found->example << " for " << rule.text;
      if (!least.empty()) {
        ASSERT_FALSE(compiler::path_less(least, found->example)) << least << " before " << found->example;
      }
    }
  }
  EXPECT_GT(near, 100);
  EXPECT_GT(none, 30);
}

// Globs that thousands of names match, and exceptions by the thousand: what decides one rule is met early,
// and nothing else is looked at. Who looks at all of it passes the budget, and that is reported.
TEST(Analysis, ManyNamesOfOneGlobAreNotAllLookedAt) {
  std::string limits, exceptions = "allow read /\nlimit none **/s except";
  std::string allows;
  for (int i = 0; i < 1000; ++i) {
    allows += "allow read /a/x" + std::to_string(i) + "\n";
    limits += "limit view /a/x*/y" + std::to_string(i) + "\n";
    exceptions += " **/s/e" + std::to_string(i);
  }
  for (const std::string &text : {allows + limits, exceptions + "\n"}) {
    const lang::RuleSet rules = placed(reference::rules_of(text));
    compiler::BuildResult built = compiler::build_automaton(rules, compiler::Budget{});
    ASSERT_TRUE(built.automaton);
    compiler::Scope scope(rules, *built.automaton);
    lang::Diagnostics diagnostics;
    check_dead_rules(scope, diagnostics);
    (void)compiler::analyse(scope, Depth::findings, diagnostics);
    EXPECT_GT(scope.steps_left, 15'000'000U);
    for (const lang::Diagnostic &d : diagnostics.all()) {
      ASSERT_NE(d.code, Code::too_complex) << d.message;
      ASSERT_NE(d.code, Code::redundant_limit) << d.message;
      ASSERT_NE(d.code, Code::useless_except) << d.message;
    }
  }
}

TEST(Analysis, ALimitAtWriteHasAnExampleToo) {
  const Analysed a = analyse(placed(reference::rules_of("allow read /\nlimit write /a except /a\n")));
  for (const lang::Diagnostic &d : a.diagnostics.all()) {
    if (d.code != Code::redundant_limit) continue;
    EXPECT_EQ(d.example, "/a");
  }
  EXPECT_FALSE(a.diagnostics.all().empty());
}

TEST(Analysis, LimitsAloneAreAskedForNothing) {
  const Analysed a = analyse(placed(reference::rules_of("limit none /a except /a/b\nlimit none /a\n")));
  EXPECT_TRUE(a.diagnostics.all().empty());
}

std::string near_misses_of(const std::string &text) {
  const Analysed a = analyse(placed(reference::rules_of(text)));
  std::string shown;
  for (const lang::Diagnostic &d : a.diagnostics.all()) {
    if (d.code == Code::near_miss)
      shown += d.example + " " + d.message.substr(d.message.rfind('`') + 1) + "\n";
  }
  return shown;
}

TEST(NearMisses, NamesWhatEditorsAndPeopleLeave) {
  EXPECT_EQ(near_misses_of("allow read /\nlimit none **/.env\n"),
            "/.enV  covers is readable; so are /.env~, /#.env#, /.env.bak, /.env.swp\n");
  EXPECT_EQ(near_misses_of("allow read /\nlimit none **/key\n"),
            "/keY  covers is readable; so are /key~, /#key#, /key.bak, /key.swp, /.key.swp\n");
  // Hidden already by another rule, or named by the pattern itself.
  EXPECT_EQ(near_misses_of("allow read /\nlimit none **/1*\nlimit view **/*1*\n"), "");
  // The other form of an accent is not hidden.
  EXPECT_EQ(near_misses_of("allow read /\nlimit none /\xc3\xa9*\n"),
            "/e\xcc\x81  covers is readable (the other Unicode form); so are /#\xc3\xa9#, /.\xc3\xa9.swp\n");
  // What looks like an exception is none, and names without content are not readable.
  EXPECT_EQ(near_misses_of("allow read /\nlimit none /* except /1\n"), "");
  EXPECT_EQ(near_misses_of("allow view /\nlimit none /1\n"), "");
  EXPECT_EQ(near_misses_of("allow read /\nlimit read /1\n"), "");
}

}  // namespace
}  // namespace agentfense::tests
