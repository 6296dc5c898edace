#include "compiler/tree/stale_patterns.h"

#include <algorithm>

namespace agentfense::compiler {
namespace {

constexpr size_t kMaxNamed = 5;

std::string list(const std::vector<const lang::RulePattern *> &stale) {
  std::string text;
  for (size_t i = 0; i < std::min(stale.size(), kMaxNamed); ++i) {
    text += (i == 0 ? "`" : ", `") + stale[i]->text + "`";
  }
  if (stale.size() > kMaxNamed) text += " and " + std::to_string(stale.size() - kMaxNamed) + " more";
  return text;
}

// An exception that was added at an `extends` is not written at the limit that it opens.
bool written_at(const lang::Rule &rule, const lang::RulePattern &pattern) {
  const lang::Place &r = rule.place, &p = pattern.place;
  return p.file == r.file && p.offset >= r.offset && p.offset < r.offset + r.length;
}

}  // namespace

void report_stale_patterns(const lang::RuleSet &rules, const PatternCover &cover, bool partly,
                           lang::Diagnostics &diagnostics) {
  const std::string where = partly ? " in the part of the tree that could be listed" : " of the tree";
  const auto report = [&](const std::vector<const lang::RulePattern *> &stale, const std::string &what,
                          bool inherited) {
    if (stale.empty()) return;
    const std::string verb = stale.size() == 1 ? " matches" : " match";
    lang::Diagnostic &d = diagnostics.report(lang::Code::stale_pattern, stale.front()->place,
                                             what + list(stale) + verb + " no file" + where);
    if (inherited) d.severity = lang::Severity::note;
    // A preset names what trees may hold, not what this one does.
    d.report_only =
        d.place.file < rules.files.size() && rules.files[d.place.file].name.starts_with("preset:");
  };
  for (const lang::Rule &rule : rules.rules) {
    std::vector<const lang::RulePattern *> stale, here, added;
    for (const lang::RulePattern &pattern : rule.patterns) {
      if (!cover.covered(pattern)) stale.push_back(&pattern);
    }
    for (const lang::RulePattern &pattern : rule.except) {
      if (!cover.covered(pattern)) (written_at(rule, pattern) ? here : added).push_back(&pattern);
    }
    report(stale, "", rule.inherited);
    const auto exception = [](const auto &list) { return list.size() == 1 ? "exception " : "exceptions "; };
    report(here, exception(here), rule.inherited);
    // The same words for each limit that the `extends` brings: Diagnostics::sort() keeps one.
    report(added, exception(added), !added.empty() && added.front()->place.file != 0);
  }
}

}  // namespace agentfense::compiler
