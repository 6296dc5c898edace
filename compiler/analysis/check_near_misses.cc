#include <algorithm>
#include <string>

#include "compiler/analysis/checks.h"
#include "compiler/analysis/look_alike.h"
#include "compiler/analysis/path_order.h"

namespace agentfense::compiler {
namespace {

using lang::Level;
using Patterns = std::vector<lang::PathPattern>;

// What the limit would be if it were written for the names that look like its own.
struct Twin {
  uint32_t rule;
  Patterns patterns;
  Patterns except;  // of the limit as it is, and for names that look like those
};

Patterns changed(const std::vector<lang::RulePattern> &patterns, LookAlike kind) {
  Patterns result;
  for (const lang::RulePattern &pattern : patterns) {
    for (const lang::PathPattern &alternative : pattern.alternatives) {
      if (std::optional<lang::PathPattern> twin = look_alike(alternative, kind)) {
        result.push_back(std::move(*twin));
      }
    }
  }
  return result;
}

std::vector<Twin> twins_of(const lang::RuleSet &rules, LookAlike kind) {
  std::vector<Twin> twins;
  for (uint32_t r = 0; r < rules.rules.size(); ++r) {
    const lang::Rule &rule = rules.rules[r];
    if (rule.kind != lang::Rule::Kind::limit || rule.level >= Level::read) continue;
    Twin twin{r, changed(rule.patterns, kind), {}};
    if (twin.patterns.empty()) continue;
    for (const lang::RulePattern &except : rule.except) {
      twin.except.insert(twin.except.end(), except.alternatives.begin(), except.alternatives.end());
    }
    const Patterns except = changed(rule.except, kind);
    twin.except.insert(twin.except.end(), except.begin(), except.end());
    twins.push_back(std::move(twin));
  }
  return twins;
}

std::vector<lang::ComponentGlob> globs_of(const std::vector<Twin> &twins) {
  std::vector<lang::ComponentGlob> globs;
  const auto add = [&](const Patterns &patterns) {
    for (const lang::PathPattern &pattern : patterns) {
      for (const lang::PatternComponent &c : pattern.components) {
        if (!c.any_depth) globs.push_back(c.glob);
      }
    }
  };
  for (const Twin &twin : twins) {
    add(twin.patterns);
    add(twin.except);
  }
  return globs;
}

Found find_readable(Scope &scope, const Alphabet &alphabet, const World &levels, const Twin &twin) {
  const PatternWalk patterns(twin.patterns, alphabet);
  const PatternWalk except(twin.except, alphabet);
  RuleSearch search(alphabet, levels, patterns, {&except});
  search.leave_where([&](const Here &h) { return h.beside[0] || scope.highest_from(h) < Level::read; });
  return scope.spend(search.least(
      [&](const Here &h) { return h.covered && !h.beside[0] && scope.level_at(h) >= Level::read; },
      scope.budget()));
}

struct Readable {
  struct Name {
    std::string path;
    bool other_form;  // of Unicode: what is shown looks the same
  };
  std::vector<Name> names;
  bool other_case = false;
};

void report(const lang::Rule &rule, Readable &readable, lang::Diagnostics &diagnostics) {
  std::ranges::sort(readable.names, path_less, &Readable::Name::path);
  const auto form = [](const Readable::Name &name) {
    return name.other_form ? " (the other Unicode form)" : "";
  };
  std::string others;
  for (size_t i = 1; i < readable.names.size(); ++i) {
    others += (i > 1 ? ", " : "") + readable.names[i].path + form(readable.names[i]);
  }
  lang::Diagnostic &d =
      diagnostics.report(lang::Code::near_miss, rule.place,
                         "a name that looks like what `" + rule.text + "` covers is readable" +
                             form(readable.names[0]) + (others.empty() ? "" : "; so are " + others));
  d.example = readable.names[0].path;
  if (rule.inherited) d.severity = lang::Severity::note;
  if (!readable.other_case || rule.inherited || rule.patterns.empty()) return;
  lang::Place before = rule.patterns[0].place;
  if (before.file != rule.place.file || before.line != rule.place.line) return;
  before.length = 0;
  d.fixes.push_back({before, "nocase "});
}

}  // namespace

void check_near_misses(Scope &scope, lang::Diagnostics &diagnostics) {
  std::vector<Readable> readable(scope.rules.rules.size());
  Undecided undecided;
  for (const LookAlike kind : kLookAlikes) {
    const std::vector<Twin> twins = twins_of(scope.rules, kind);
    if (twins.empty()) continue;
    const std::unique_ptr<FinerAlphabet> finer = finer_alphabet(scope.automaton, globs_of(twins), Budget{});
    if (!finer) {
      for (const Twin &twin : twins) undecided.add(scope.rules.rules[twin.rule].place);
      continue;
    }
    const World levels = automaton_world(scope.automaton, finer->alphabet);
    for (const Twin &twin : twins) {
      const Found found = find_readable(scope, finer->alphabet, levels, twin);
      if (found.over_budget) undecided.add(scope.rules.rules[twin.rule].place);
      if (!found.path) continue;
      readable[twin.rule].names.push_back({*found.path, kind == LookAlike::nfc || kind == LookAlike::nfd});
      readable[twin.rule].other_case |= kind == LookAlike::other_case;
    }
  }
  for (uint32_t r = 0; r < readable.size(); ++r) {
    if (!readable[r].names.empty()) report(scope.rules.rules[r], readable[r], diagnostics);
  }
  undecided.report("hides what looks alike", diagnostics);
}

}  // namespace agentfense::compiler
