#include <algorithm>
#include <string>

#include "compiler/analysis/checks.h"
#include "compiler/analysis/path_order.h"

namespace agentfense::compiler {
namespace {

using lang::Level;

bool is_literal(const lang::PatternComponent &c) {
  return !c.any_depth && std::ranges::all_of(c.glob, [](const lang::GlobItem &item) {
    int bytes = 0;
    for (const uint64_t word : item.bytes.words) bytes += __builtin_popcountll(word);
    return !item.star && bytes == 1;
  });
}

// The components that a directory needs for the pattern to leave its name open: 0 where it leaves none.
uint32_t open_depth(const lang::PathPattern &pattern) {
  for (uint32_t i = 0; i < pattern.components.size(); ++i) {
    if (!is_literal(pattern.components[i])) return i + 1;
  }
  return 0;
}

// The least directory of `depth` components or more at level none, below which the pattern covers
// something visible.
Found find_exposed(Scope &scope, const lang::PathPattern &pattern, uint32_t depth) {
  const PatternWalk main(std::vector<lang::PathPattern>{pattern}, scope.alphabet);
  const PatternWalk deep = PatternWalk::deeper_than(depth, scope.alphabet);
  const auto visible = [&](const Here &h) { return h.covered && scope.level_at(h) > Level::none; };
  RuleSearch below(scope.alphabet, scope.levels, main);
  const auto hopeless = [&](const Here &h) { return scope.highest_from(h) == Level::none; };
  below.leave_where(hopeless);

  RuleSearch search(scope.alphabet, scope.levels, main, {&deep});
  search.look_above().leave_where(hopeless);
  bool over_budget = false;
  const auto exposed = [&](const Here &h) {
    if (!h.beside[0] || scope.level_at(h) != Level::none || hopeless(h)) return false;
    const Found found = scope.spend(below.below(h, visible, scope.budget()));
    over_budget |= found.over_budget;
    return found.path.has_value();
  };
  Found found = scope.spend(search.least(exposed, scope.budget()));
  found.over_budget |= over_budget && !found.path;
  return found;
}

struct Exposed {
  std::string path;
  bool undecided = false;

  void offer(const Found &found) {
    if (found.path && (path.empty() || path_less(*found.path, path))) path = *found.path;
    undecided |= found.over_budget;
  }
};

}  // namespace

std::vector<NameExposure> check_name_exposure(Scope &scope, Depth depth, lang::Diagnostics &diagnostics) {
  std::vector<NameExposure> exposures;
  Undecided undecided;
  for (uint32_t r = 0; r < scope.rules.rules.size(); ++r) {
    const lang::Rule &rule = scope.rules.rules[r];
    if (rule.kind != lang::Rule::Kind::allow || rule.level == Level::none || scope.dead[r]) continue;
    Exposed open, spelt;
    for (const lang::RulePattern &pattern : rule.patterns) {
      for (const lang::PathPattern &alternative : pattern.alternatives) {
        const uint32_t needed = open_depth(alternative);
        if (needed > 0) open.offer(find_exposed(scope, alternative, needed));
        if (depth == Depth::report && open.path.empty()) spelt.offer(find_exposed(scope, alternative, 1));
      }
    }
    const Exposed &shown = open.path.empty() ? spelt : open;
    if (shown.path.empty()) {
      if (open.undecided || spelt.undecided) undecided.add(rule.place);
      continue;
    }
    exposures.push_back({r, !open.path.empty(), shown.path});
    lang::Diagnostic &d = diagnostics.report(
        lang::Code::name_exposure, rule.place,
        "`" + rule.text + "` shows the names of directories that are hidden otherwise, as the way to " +
            "what it opens");
    d.example = shown.path;
    d.report_only = open.path.empty();
  }
  undecided.report("shows names of hidden directories", diagnostics);
  return exposures;
}

}  // namespace agentfense::compiler
