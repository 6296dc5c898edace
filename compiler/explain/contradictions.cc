#include "compiler/explain/contradictions.h"

#include <algorithm>
#include <tuple>

#include "compiler/analysis/checks.h"
#include "compiler/explain/path_cover.h"

namespace agentfense::compiler {
namespace {

using lang::Code;

std::vector<lang::RulePattern> rests(const std::vector<lang::RulePattern> &patterns, const PathNames &top) {
  std::vector<lang::RulePattern> out;
  for (const lang::RulePattern &pattern : patterns) {
    std::vector<lang::PathPattern> rest = rest_below(pattern, top);
    if (!rest.empty()) out.push_back({pattern.text, pattern.place, std::move(rest)});
  }
  return out;
}

// The path as seen from `top`; nothing where it lies elsewhere.
std::optional<std::string> seen_from(const PathNames &top, std::string_view path) {
  const PathNames names = path_names(path);
  if (names.size() < top.size() || !std::equal(top.begin(), top.end(), names.begin())) return std::nullopt;
  std::string rest;
  for (size_t i = top.size(); i < names.size(); ++i) rest.append("/").append(names[i]);
  return rest.empty() ? "/" : rest;
}

bool same(const Contradiction &a, const Contradiction &b) {
  const auto key = [](const Contradiction &c) {
    return std::tuple(c.code, c.place.file, c.place.line, c.place.column);
  };
  return key(a) == key(b);
}

bool holds(const std::vector<Contradiction> &list, const Contradiction &one) {
  return std::ranges::any_of(list, [&](const Contradiction &c) { return same(c, one); });
}

}  // namespace

ContradictionSearch::ContradictionSearch(const lang::RuleSet &rules, std::string_view path)
    : rules_(rules), path_(path), below_(part_below(path)) {}

ContradictionSearch::Part ContradictionSearch::part_below(std::string_view top) const {
  const PathNames names = path_names(top);
  Part part{std::string(names.empty() ? "" : top), {}, {}, {}};
  while (part.top.ends_with('/')) part.top.pop_back();
  part.rules.policy = rules_.policy;
  part.rules.extends = rules_.extends;
  part.rules.end = rules_.end;
  for (uint32_t r = 0; r < rules_.rules.size(); ++r) {
    const lang::Rule &rule = rules_.rules[r];
    std::vector<lang::RulePattern> patterns = rests(rule.patterns, names);
    if (patterns.empty()) continue;
    lang::Rule kept = rule;
    kept.patterns = std::move(patterns);
    kept.except = rests(rule.except, names);
    part.rules.rules.push_back(std::move(kept));
    part.origin.push_back(r);
  }
  for (const lang::NeverRule &never : rules_.nevers) {
    std::vector<lang::RulePattern> patterns = rests(never.patterns, names);
    if (patterns.empty()) continue;
    part.rules.nevers.push_back(never);
    part.rules.nevers.back().patterns = std::move(patterns);
  }
  // A policy that extends a preset does not take its tests.
  const size_t tests = is_preset(rules_) ? 0 : rules_.tests.size();
  for (const lang::TestCase &test : std::span(rules_.tests).first(tests)) {
    std::optional<std::string> path = seen_from(names, test.path);
    if (path) part.rules.tests.push_back({test.level, *std::move(path), test.place});
  }
  return part;
}

ContradictionSearch::Faults ContradictionSearch::faults_of(const Part &part, const lang::RuleSet &rules) {
  const BuildResult built = build_automaton(rules, {});
  if (!built.automaton) return std::nullopt;
  Scope scope(rules, *built.automaton);
  lang::Diagnostics diagnostics;
  check_nevers(scope, diagnostics);
  check_tests(scope, diagnostics);
  check_dead_rules(scope, diagnostics);
  std::vector<Contradiction> faults;
  for (const lang::Diagnostic &d : diagnostics.all()) {
    if (d.code == Code::too_complex) return std::nullopt;
    const bool dead = d.code == Code::dead_rule;
    if (dead && d.severity != lang::Severity::error) continue;
    Contradiction fault{d.code, d.place, "", dead ? "" : part.top + d.example};
    if (fault.example.size() > 1 && fault.example.ends_with('/')) fault.example.pop_back();
    const auto here = [&](const auto &statement) {
      return std::tuple(statement.place.file, statement.place.line, statement.place.column) ==
             std::tuple(d.place.file, d.place.line, d.place.column);
    };
    if (d.code == Code::test_failed) {
      const auto test = std::ranges::find_if(rules.tests, here);
      if (test != rules.tests.end())
        fault.text = std::string(lang::level_name(test->level)) + " " + fault.example;
    } else if (dead) {
      const auto rule = std::ranges::find_if(rules.rules, here);
      if (rule != rules.rules.end()) fault.text = rule->text;
    } else {
      const auto never = std::ranges::find_if(rules.nevers, here);
      if (never != rules.nevers.end()) fault.text = never->text;
    }
    faults.push_back(std::move(fault));
  }
  std::ranges::stable_sort(faults, {}, [](const Contradiction &c) {
    return std::tuple(c.place.file, c.place.line, c.place.column);
  });
  return faults;
}

std::optional<std::vector<Contradiction>> ContradictionSearch::of(std::span<const Edit> edits) {
  // A rule that goes may have spoken anywhere; everything else speaks at the path and below.
  const bool anywhere =
      std::ranges::any_of(edits, [](const Edit &e) { return e.kind == Edit::Kind::remove_rule; });
  if (anywhere && !whole_) whole_ = part_below("/");
  Part &part = anywhere ? *whole_ : below_;
  if (!part.before) part.before = faults_of(part, part.rules);
  if (!*part.before) return std::nullopt;

  std::vector<Edit> local(edits.begin(), edits.end());
  for (Edit &edit : local) {
    if (edit.kind != Edit::Kind::except_at_limit && edit.kind != Edit::Kind::remove_rule) continue;
    edit.at = static_cast<uint32_t>(std::ranges::lower_bound(part.origin, edit.at) - part.origin.begin());
  }
  const Faults after = faults_of(part, apply(part.rules, local, anywhere ? path_ : "/"));
  if (!after) return std::nullopt;
  std::vector<Contradiction> fresh;
  bool any_dead = false;
  for (const Contradiction &fault : *after) {
    if (holds(**part.before, fault)) continue;
    // In a policy that extends the preset it is a note, and nobody edits a preset.
    if (fault.code == Code::dead_rule && is_preset(rules_)) continue;
    any_dead |= fault.code == Code::dead_rule;
    fresh.push_back(fault);
  }
  if (!any_dead || anywhere) return fresh;

  // An allow that is of no use below the path may be of use elsewhere.
  if (!whole_) whole_ = part_below("/");
  const Faults everywhere = faults_of(*whole_, apply(whole_->rules, edits, path_));
  if (!everywhere) return std::nullopt;
  std::erase_if(fresh, [&](const Contradiction &fault) {
    return fault.code == Code::dead_rule && !holds(*everywhere, fault);
  });
  return fresh;
}

}  // namespace agentfense::compiler
