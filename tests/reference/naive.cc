#include "tests/reference/naive.h"

#include <algorithm>

namespace agentfense::reference {
namespace {

using lang::Level;
using Path = std::vector<std::string>;

bool glob_matches(const lang::ComponentGlob &glob, size_t g, const std::string &name, size_t n) {
  if (g == glob.size()) return n == name.size();
  if (glob[g].star) {
    for (size_t skip = n; skip <= name.size(); ++skip) {
      if (glob_matches(glob, g + 1, name, skip)) return true;
    }
    return false;
  }
  return n < name.size() && glob[g].bytes.has(static_cast<unsigned char>(name[n])) &&
         glob_matches(glob, g + 1, name, n + 1);
}

bool matches(const std::vector<lang::PatternComponent> &pattern, size_t c, const Path &path, size_t p,
             size_t end) {
  if (c == pattern.size()) return p == end;
  if (pattern[c].any_depth) {
    for (size_t skip = p; skip <= end; ++skip) {
      if (matches(pattern, c + 1, path, skip, end)) return true;
    }
    return false;
  }
  return p < end && glob_matches(pattern[c].glob, 0, path[p], 0) && matches(pattern, c + 1, path, p + 1, end);
}

constexpr size_t kNever = static_cast<size_t>(-1);

// The length of the shortest part of the path that one of the patterns matches.
size_t covers_from(const std::vector<lang::RulePattern> &patterns, const Path &path) {
  for (size_t length = 0; length <= path.size(); ++length) {
    for (const lang::RulePattern &pattern : patterns) {
      for (const lang::PathPattern &alternative : pattern.alternatives) {
        if (matches(alternative.components, 0, path, 0, length)) return length;
      }
    }
  }
  return kNever;
}

}  // namespace

std::vector<std::string> split(std::string_view path) {
  Path parts;
  for (size_t begin = 1; begin < path.size();) {
    const size_t slash = std::min(path.find('/', begin), path.size());
    parts.emplace_back(path.substr(begin, slash - begin));
    begin = slash + 1;
  }
  return parts;
}

bool covers(const lang::PathPattern &pattern, const Path &path) {
  for (size_t length = 0; length <= path.size(); ++length) {
    if (matches(pattern.components, 0, path, 0, length)) return true;
  }
  return false;
}

Answer evaluate(const lang::RuleSet &rules, std::string_view text) {
  const Path path = split(text);
  struct Best {
    Level level;
    size_t from;
    uint32_t rule;
  };
  Best allow{Level::none, kNever, kNoRule};
  Best limit{Level::write, kNever, kNoRule};
  for (uint32_t r = 0; r < rules.rules.size(); ++r) {
    const lang::Rule &rule = rules.rules[r];
    const size_t from = covers_from(rule.patterns, path);
    if (from == kNever) continue;
    if (rule.kind == lang::Rule::Kind::allow) {
      if (rule.level > allow.level || (rule.level == allow.level && from < allow.from))
        allow = {rule.level, from, r};
    } else if (rule.level < Level::write && covers_from(rule.except, path) == kNever) {
      if (rule.level < limit.level || (rule.level == limit.level && from < limit.from))
        limit = {rule.level, from, r};
    }
  }
  if (allow.level == Level::none) allow.rule = kNoRule;
  if (limit.rule != kNoRule && limit.level <= allow.level) return {limit.level, limit.rule};
  return {allow.level, allow.rule};
}

}  // namespace agentfense::reference
