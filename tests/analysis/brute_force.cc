#include "tests/analysis/brute_force.h"

#include <algorithm>

#include "compiler/analysis/path_order.h"
#include "tests/automaton/random_rules.h"
#include "tests/reference/naive.h"

namespace agentfense::tests {

Path path_of(const lang::RuleSet &rules, const std::string &text) {
  return {text, reference::split(text), reference::evaluate(rules, text).level};
}

Setting setting_of(lang::RuleSet rules, const std::vector<std::string> &paths) {
  Setting s{std::move(rules), {}};
  for (const std::string &path : paths) s.paths.push_back(path_of(s.rules, path));
  std::ranges::sort(s.paths, compiler::path_less, &Path::text);
  return s;
}

std::string first_path(const Setting &s, const PathTest &test) {
  const auto at = std::ranges::find_if(s.paths, test);
  return at == s.paths.end() ? "" : at->text;
}

bool shown(const Setting &s, const PathTest &test, const std::vector<std::string> &names) {
  if (!first_path(s, test).empty()) return true;
  const std::vector<std::string> upper = all_paths(names, 3);
  for (const std::string &parent : upper) {
    if (reference::split(parent).size() != 3) continue;
    for (const std::string &tail : upper) {
      if (reference::split(tail).size() >= 2 && test(path_of(s.rules, parent + tail))) return true;
    }
  }
  return false;
}

bool covers(const std::vector<lang::RulePattern> &patterns, const std::vector<std::string> &path) {
  return std::ranges::any_of(patterns, [&](const lang::RulePattern &pattern) {
    return std::ranges::any_of(pattern.alternatives,
                               [&](const lang::PathPattern &a) { return reference::covers(a, path); });
  });
}

bool speaks(const lang::Rule &rule, const std::vector<std::string> &path) {
  return covers(rule.patterns, path) && !covers(rule.except, path);
}

lang::Level allowed_at(const lang::RuleSet &rules, const std::vector<std::string> &path) {
  lang::Level level = lang::Level::none;
  for (const lang::Rule &rule : rules.rules) {
    if (rule.kind == lang::Rule::Kind::allow && covers(rule.patterns, path))
      level = std::max(level, rule.level);
  }
  return level;
}

PathTest changed_by(lang::RuleSet changed) {
  return [changed = std::move(changed)](const Path &p) {
    return reference::evaluate(changed, p.text).level != p.level;
  };
}

lang::RuleSet without_rule(const lang::RuleSet &rules, size_t r) {
  lang::RuleSet changed = rules;
  changed.rules.erase(changed.rules.begin() + static_cast<std::ptrdiff_t>(r));
  return changed;
}

lang::RuleSet without_except(const lang::RuleSet &rules, size_t r, size_t e) {
  lang::RuleSet changed = rules;
  std::vector<lang::RulePattern> &except = changed.rules[r].except;
  except.erase(except.begin() + static_cast<std::ptrdiff_t>(e));
  return changed;
}

}  // namespace agentfense::tests
