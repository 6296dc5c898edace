#include <string>

#include "compiler/analysis/checks.h"

namespace agentfense::compiler {
namespace {

// Where the allow covers a path, what is allowed there is at least its level; so limits alone can have
// made the level lower.
Found find_full(Scope &scope, const lang::Rule &rule) {
  const PatternWalk patterns(rule.patterns, scope.alphabet);
  RuleSearch search(scope.alphabet, scope.levels, patterns);
  search.leave_where([&](const Here &h) { return scope.highest_from(h) < rule.level; });
  return scope.spend(search.some([&](const Here &h) { return h.covered && scope.level_at(h) >= rule.level; },
                                 scope.budget()));
}

Found find_lowered(Scope &scope, const lang::Rule &rule) {
  const PatternWalk patterns(rule.patterns, scope.alphabet);
  const RuleSearch search(scope.alphabet, scope.levels, patterns);
  return scope.spend(search.least([&](const Here &h) { return h.covered && scope.level_at(h) < rule.level; },
                                  scope.budget()));
}

}  // namespace

void check_capped_allows(Scope &scope, Depth depth, lang::Diagnostics &diagnostics) {
  Undecided undecided;
  for (uint32_t r = 0; r < scope.rules.rules.size(); ++r) {
    const lang::Rule &rule = scope.rules.rules[r];
    if (rule.kind != lang::Rule::Kind::allow || scope.dead[r]) continue;
    const Found full = find_full(scope, rule);
    if (full.over_budget) {
      undecided.add(rule.place);
      continue;
    }
    std::string example;
    if (!full.path) {
      example = least_covered(scope, rule.patterns);
    } else if (depth == Depth::report) {
      const Found lowered = find_lowered(scope, rule);
      if (lowered.over_budget) undecided.add(rule.place);
      example = lowered.path.value_or("");
    }
    if (example.empty()) continue;
    const std::string level = lang::level_name(rule.level);
    lang::Diagnostic &d = diagnostics.report(
        lang::Code::capped_allow, rule.place,
        full.path
            ? "a limit lowers a part of what `" + rule.text + "` covers"
            : "`" + rule.text + "` gives " + level + " nowhere: limits lower everything that it covers");
    d.example = example;
    if (full.path) {
      d.severity = lang::Severity::note;
      d.report_only = true;
    } else if (rule.inherited) {
      d.severity = lang::Severity::note;
    }
    remark_decider(scope, example, r, d);
  }
  undecided.report("gives its level anywhere", diagnostics);
}

}  // namespace agentfense::compiler
