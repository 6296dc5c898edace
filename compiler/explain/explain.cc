#include "compiler/explain/explain.h"

#include <optional>
#include <tuple>

#include "compiler/explain/path_cover.h"

namespace agentfense::compiler {
namespace {

using lang::Level;
using lang::Rule;

std::vector<CoveringRule> covering_rules(const lang::RuleSet &rules, const PathNames &path) {
  std::vector<CoveringRule> covering;
  for (uint32_t r = 0; r < rules.rules.size(); ++r) {
    const Rule &rule = rules.rules[r];
    const std::optional<Cover> cover = find_cover(rule.patterns, path);
    if (!cover) continue;
    const std::optional<Cover> except = find_cover(rule.except, path);
    covering.push_back({r, cover->pattern, cover->length, Standing::no_effect, kNoRule, 0});
    if (rule.kind == Rule::Kind::limit && except) {
      covering.back().standing = Standing::opened;
      covering.back().except = except->pattern;
    }
  }
  return covering;
}

// The allow of the highest level, or the limit of the lowest, that speaks first.
const CoveringRule *strongest(const lang::RuleSet &rules, const std::vector<CoveringRule> &covering,
                              Rule::Kind kind) {
  const CoveringRule *best = nullptr;
  const auto key = [&](const CoveringRule &c) {
    const int level = static_cast<int>(rules.rules[c.rule].level);
    return std::tuple(kind == Rule::Kind::allow ? -level : level, c.length, c.rule);
  };
  for (const CoveringRule &c : covering) {
    const Rule &rule = rules.rules[c.rule];
    const Level idle = kind == Rule::Kind::allow ? Level::none : Level::write;
    if (rule.kind != kind || rule.level == idle || c.standing == Standing::opened) continue;
    if (!best || key(c) < key(*best)) best = &c;
  }
  return best;
}

// Why `c` loses to `winner`, of its own kind and level.
Standing tie(const CoveringRule &c, const CoveringRule &winner) {
  return winner.length < c.length ? Standing::further_up : Standing::later;
}

}  // namespace

const char *standing_name(Standing standing) {
  switch (standing) {
    case Standing::decides:
      return "decides";
    case Standing::opened:
      return "opened";
    case Standing::no_effect:
      return "no-effect";
    case Standing::lowered:
      return "lowered";
    case Standing::limit_first:
      return "limit-first";
    case Standing::outdone:
      return "outdone";
    case Standing::above:
      return "above";
    case Standing::further_up:
      return "further-up";
    case Standing::later:
      return "later";
  }
  return "";
}

Explanation explain_path(const lang::RuleSet &rules, std::string_view path) {
  Explanation e{Level::none, kNoRule, Level::none, covering_rules(rules, path_names(path))};
  const CoveringRule *allow = strongest(rules, e.covering, Rule::Kind::allow);
  const CoveringRule *limit = strongest(rules, e.covering, Rule::Kind::limit);
  if (allow) e.allowed = rules.rules[allow->rule].level;
  const CoveringRule *decider = limit && rules.rules[limit->rule].level <= e.allowed ? limit : allow;
  if (decider) {
    e.rule = decider->rule;
    e.level = rules.rules[decider->rule].level;
  }
  for (CoveringRule &c : e.covering) {
    const Rule &rule = rules.rules[c.rule];
    if (c.standing == Standing::opened) continue;
    if (rule.kind == Rule::Kind::allow) {
      if (rule.level == Level::none) continue;
      if (&c == decider) {
        c.standing = Standing::decides;
      } else if (rule.level < e.allowed) {
        c.standing = Standing::outdone;
        c.by = allow->rule;
      } else if (decider == allow) {
        c.standing = tie(c, *allow);
        c.by = allow->rule;
      } else {
        c.standing = rule.level > e.level ? Standing::lowered : Standing::limit_first;
        c.by = decider->rule;
      }
    } else if (rule.level < Level::write) {
      if (&c == decider) {
        c.standing = Standing::decides;
      } else if (decider == limit && rule.level == e.level) {
        c.standing = tie(c, *limit);
        c.by = limit->rule;
      } else {
        c.standing = Standing::above;
        c.by = e.rule;
      }
    }
  }
  return e;
}

}  // namespace agentfense::compiler
