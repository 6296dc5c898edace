#include "compiler/import/prune.h"

#include <algorithm>
#include <cstddef>

#include "compiler/analysis/checks.h"
#include "compiler/automaton/automaton.h"
#include "compiler/import/glob_syntax.h"

namespace agentfense::compiler::import {
namespace {

// Rules looked at, over all rounds. Past this the rest stays: a redundant limit is a note, and harmless.
// A count and no clock, so that one list gives one policy on every machine.
constexpr size_t kMaxLookedAt = 300'000;

lang::RulePattern rule_pattern(const lang::PathPattern &pattern, lang::Place place) {
  return {spell(pattern), place, {pattern}};
}

// Places tell which statement (line) and which of its exceptions (column) a finding means.
lang::RuleSet rules_of(const Draft &draft) {
  lang::RuleSet set;
  set.policy = draft.name;
  for (uint32_t i = 0; i < draft.statements.size(); ++i) {
    const Statement &s = draft.statements[i];
    lang::Rule rule;
    rule.kind = s.limit ? lang::Rule::Kind::limit : lang::Rule::Kind::allow;
    rule.level = s.level;
    rule.place = {0, i + 1, 1, 0, 1};
    rule.patterns.push_back(rule_pattern(s.pattern, rule.place));
    for (uint32_t e = 0; e < s.except.size(); ++e)
      rule.except.push_back(rule_pattern(s.except[e], {0, i + 1, e + 2, 0, 1}));
    rule.text = rule.patterns[0].text;
    set.rules.push_back(std::move(rule));
  }
  return set;
}

// The last finding with this code, of lowest standing in the source; nothing where there is none.
std::optional<lang::Place> last(const lang::Diagnostics &diagnostics, lang::Code code) {
  std::optional<lang::Place> place;
  for (const lang::Diagnostic &d : diagnostics.all()) {
    if (d.code == code) place = d.place;
  }
  return place;
}

// One removal; false where nothing is left to remove.
bool remove_one(Draft &draft, Scope &scope, bool all) {
  lang::Diagnostics diagnostics;
  check_dead_rules(scope, diagnostics);
  std::optional<lang::Place> place = last(diagnostics, lang::Code::dead_rule);
  if (!place && all) {
    check_redundant_limits(scope, diagnostics);
    place = last(diagnostics, lang::Code::redundant_limit);
  }
  if (place) {
    draft.statements.erase(draft.statements.begin() + (place->line - 1));
    return true;
  }
  if (!all) return false;
  check_excepts(scope, diagnostics);
  place = last(diagnostics, lang::Code::useless_except);
  if (!place) return false;
  std::vector<lang::PathPattern> &except = draft.statements[place->line - 1].except;
  except.erase(except.begin() + (place->column - 2));
  return true;
}

// Each comment line of the statements once, in their order, without the words that join it to the line
// before it.
std::vector<std::string> sources_of(const Draft &draft) {
  std::vector<std::string> sources;
  for (const Statement &s : draft.statements) {
    for (std::string_view note : s.notes) {
      for (const std::string_view joint : {kButNot, kAnd}) {
        if (note.starts_with(joint)) note.remove_prefix(joint.size());
      }
      if (std::ranges::find(sources, note) == sources.end()) sources.emplace_back(note);
    }
  }
  return sources;
}

// `note` is `source`, or says more of it.
bool speaks_of(const std::string &note, const std::string &source) {
  return note == source || note.starts_with(source + ": ");
}

void list_implied(const std::vector<std::string> &before, Draft &draft) {
  const std::vector<std::string> after = sources_of(draft);
  for (size_t i = 0; i < before.size(); ++i) {
    const auto told = [&](const std::string &note) { return speaks_of(note, before[i]); };
    const auto detail = [&](const std::string &source) { return speaks_of(before[i], source); };
    if (std::ranges::any_of(after, told)) continue;
    if (std::ranges::find(draft.header, before[i] + ".") != draft.header.end()) continue;
    if (std::ranges::any_of(before.begin(), before.begin() + static_cast<std::ptrdiff_t>(i), detail))
      continue;
    draft.implied.push_back(before[i]);
  }
}

}  // namespace

std::optional<Refusal> prune(Draft &draft) {
  const std::vector<std::string> sources = sources_of(draft);
  size_t looked_at = 0;
  while (!draft.statements.empty()) {
    const lang::RuleSet rules = rules_of(draft);
    const BuildResult built = build_automaton(rules, Budget{});
    if (!built.automaton)
      return Refusal{
          "the policy that these rules make would be too complex for a table; import fewer rules at once"};
    Scope scope(rules, *built.automaton);
    looked_at += rules.rules.size();
    if (!remove_one(draft, scope, looked_at <= kMaxLookedAt)) break;
  }
  list_implied(sources, draft);
  return std::nullopt;
}

}  // namespace agentfense::compiler::import
