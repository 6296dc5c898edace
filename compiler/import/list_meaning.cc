#include "compiler/import/list_meaning.h"

#include <algorithm>
#include <numeric>

#include "compiler/import/glob_syntax.h"

namespace agentfense::compiler::import {
namespace {

bool is_star(const lang::PatternComponent &c) { return !c.any_depth && c.glob.size() == 1 && c.glob[0].star; }

// X/** and X/**/* cover all that is below what they match.
Shape documented_glob(lang::PathPattern pattern) {
  std::vector<lang::PatternComponent> &c = pattern.components;
  Shape shape;
  if (!c.empty() && c.back().any_depth) shape.closed = true;
  if (c.size() >= 2 && is_star(c.back()) && c[c.size() - 2].any_depth) {
    shape.closed = true;
    c.erase(c.end() - 2);
    if (c.size() == 1) c.clear();  // `**/*` is everything; nobody hides the root
  }
  make_canonical(pattern);
  if (pattern.components.empty()) shape.closed = true;
  shape.pattern = std::move(pattern);
  return shape;
}

// filepath.Match(pattern, path), then matchDoubleGlob(); see the header.
std::vector<Shape> code_glob(const lang::PathPattern &pattern, const std::string &text) {
  std::vector<Shape> shapes;
  lang::PathPattern whole;
  size_t deep = 0;
  size_t deep_at = 0;
  for (size_t i = 0; i < pattern.components.size(); ++i) {
    lang::PatternComponent c = pattern.components[i];
    if (c.any_depth) {
      ++deep;
      deep_at = i;
      c = {false, {{{}, true}}};
    }
    whole.components.push_back(std::move(c));
  }
  if (!whole.components.empty()) shapes.push_back({whole, false});
  if (deep != 1) return shapes;
  // What stands before `**` is compared byte by byte: no glob works there.
  lang::PathPattern prefix;
  auto literal = parse_glob(std::string_view(text).substr(0, text.find("**")), Dialect::literal);
  if (auto *parsed = std::get_if<lang::PathPattern>(&literal)) prefix = std::move(*parsed);
  if (!prefix.components.empty()) shapes.push_back({prefix, false});
  const size_t after = pattern.components.size() - deep_at - 1;
  if (after == 0) shapes.push_back({prefix, true});
  if (after == 1) {
    prefix.components.push_back({true, {}});
    prefix.components.push_back(pattern.components.back());
    shapes.push_back({std::move(prefix), false});
  }
  return shapes;
}

int64_t code_score(const std::string &pattern) {
  int64_t score = 0;
  if (pattern.starts_with("/")) score += 100;
  if (!pattern.starts_with("**")) score += 50;
  const size_t deep = pattern.find("**");
  if (deep != std::string::npos && deep > 0) score += static_cast<int64_t>(deep);
  if (pattern.find('*') == std::string::npos) score += 200;
  return score;
}

}  // namespace

std::variant<Meaning, Refusal> meaning_of(const ListRule &rule) {
  Meaning m;
  m.level = rule.level;
  m.priority = rule.priority;
  m.type = rule.type;
  m.code_type = static_cast<int64_t>(rule.type);
  m.code_score = code_score(rule.pattern);
  const bool wild = rule.pattern.find_first_of("*?[\\") != std::string::npos;
  if (!rule.typed && !wild) m.type = ListRule::Type::file;
  const bool glob = rule.type == ListRule::Type::glob;
  auto parsed = parse_glob(rule.pattern, glob ? Dialect::go : Dialect::literal);
  if (auto *refusal = std::get_if<Refusal>(&parsed)) return *refusal;
  const auto &pattern = std::get<lang::PathPattern>(parsed);
  if (rule.type == ListRule::Type::directory) {
    m.documented = {pattern, true};
    m.code = {{pattern, true}};
  } else if (rule.type == ListRule::Type::file) {
    m.documented = {pattern, pattern.components.empty()};
    m.code = {{pattern, false}};
  } else {
    m.documented = documented_glob(pattern);
    m.code = code_glob(pattern, rule.pattern);
  }
  if (m.level == lang::Level::none) m.documented.closed = true;
  return m;
}

std::vector<std::vector<bool>> who_beats(const std::vector<Meaning> &rules) {
  const size_t n = rules.size();
  std::vector<std::vector<bool>> within(n, std::vector<bool>(n));
  const auto same_tier = [&](size_t a, size_t b) {
    return rules[a].priority == rules[b].priority && rules[a].type == rules[b].type;
  };
  for (size_t a = 0; a < n; ++a) {
    for (size_t b = 0; b < n; ++b) {
      if (a != b && rules[a].level != rules[b].level && same_tier(a, b))
        within[a][b] = contains(rules[b].documented.pattern, rules[a].documented.pattern);
    }
  }
  std::vector<std::vector<bool>> beats(n, std::vector<bool>(n));
  for (size_t a = 0; a < n; ++a) {
    for (size_t b = 0; b < n; ++b) {
      if (same_tier(a, b)) {
        beats[a][b] = within[a][b] && !within[b][a];
      } else if (rules[a].priority != rules[b].priority) {
        beats[a][b] = rules[a].priority > rules[b].priority;
      } else {
        beats[a][b] = rules[a].type > rules[b].type;
      }
    }
  }
  return beats;
}

std::vector<size_t> code_order(const std::vector<Meaning> &rules) {
  std::vector<size_t> order(rules.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const Meaning &x = rules[a];
    const Meaning &y = rules[b];
    if (x.priority != y.priority) return x.priority > y.priority;
    if (x.code_type != y.code_type) return x.code_type > y.code_type;
    return x.code_score > y.code_score;
  });
  return order;
}

}  // namespace agentfense::compiler::import
