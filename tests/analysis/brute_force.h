// The findings by their definitions, over a given list of paths: rule taken out, every path evaluated
// again. Slow and plain; the analysis is held against it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "lang/rules.h"

namespace agentfense::tests {

struct Path {
  std::string text;
  std::vector<std::string> names;
  lang::Level level;  // under the rules of the setting
};

using PathTest = std::function<bool(const Path &)>;

struct Setting {
  lang::RuleSet rules;
  std::vector<Path> paths;  // in the order of path_order.h
};

[[nodiscard]] Setting setting_of(lang::RuleSet rules, const std::vector<std::string> &paths);
[[nodiscard]] Path path_of(const lang::RuleSet &rules, const std::string &text);

// The first path for which it holds, or "".
[[nodiscard]] std::string first_path(const Setting &s, const PathTest &test);

// Whether it holds for a path of the setting or, looked at only then, for one of five or six components.
[[nodiscard]] bool shown(const Setting &s, const PathTest &test, const std::vector<std::string> &names);

[[nodiscard]] bool covers(const std::vector<lang::RulePattern> &patterns,
                          const std::vector<std::string> &path);
// A limit speaks where it covers and no exception does; an allow where it covers.
[[nodiscard]] bool speaks(const lang::Rule &rule, const std::vector<std::string> &path);
[[nodiscard]] lang::Level allowed_at(const lang::RuleSet &rules, const std::vector<std::string> &path);

// Whether the path has another level under `changed`.
[[nodiscard]] PathTest changed_by(lang::RuleSet changed);
[[nodiscard]] lang::RuleSet without_rule(const lang::RuleSet &rules, size_t r);
[[nodiscard]] lang::RuleSet without_except(const lang::RuleSet &rules, size_t r, size_t e);

}  // namespace agentfense::tests
