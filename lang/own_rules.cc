#include "lang/own_rules.h"

#include <utility>

namespace agentfense::lang {
namespace {

class Reader {
 public:
  Reader(const Scope &scope, PatternBudget &budget, Diagnostics &diagnostics)
      : scope_(scope), budget_(budget), diagnostics_(diagnostics) {}

  std::vector<RulePattern> patterns(const std::vector<ast::Item> &items, bool nocase) {
    std::vector<RulePattern> out;
    out.reserve(items.size());
    for (const ast::Item &item : items) {
      if (item.kind == ast::Item::Kind::name) {
        expand(item, nocase, out);
      } else if (auto pattern = read_pattern(item, nocase, scope_.params, budget_, diagnostics_)) {
        out.push_back(*std::move(pattern));
      }
    }
    return out;
  }

  std::optional<TestCase> test(Level level, const ast::Item &item) {
    PatternOptions options;
    options.quoted = item.kind == ast::Item::Kind::quoted;
    options.params = &scope_.params;
    auto parsed = parse_test_path(item.text, options);
    if (auto *issue = std::get_if<PatternIssue>(&parsed)) {
      report_issue(*issue, item.place, options.quoted, diagnostics_);
      return std::nullopt;
    }
    return TestCase{level, std::get<std::string>(std::move(parsed)), item.place};
  }

 private:
  void expand(const ast::Item &item, bool nocase, std::vector<RulePattern> &out) {
    auto set = scope_.sets.find(item.text);
    if (set == scope_.sets.end()) return report_unknown_set(item, scope_, diagnostics_);
    for (const auto &entry : set->second.entries) {
      if (nocase) {
        auto folded = read_pattern(*entry->item, true, scope_.params, budget_, diagnostics_);
        if (!folded) return;
        out.push_back(*std::move(folded));
      } else {
        if (!charge(entry->pattern, budget_, diagnostics_)) return;
        out.push_back(entry->pattern);
      }
    }
  }

  const Scope &scope_;
  PatternBudget &budget_;
  Diagnostics &diagnostics_;
};

}  // namespace

OwnRules own_rules(const ast::Policy &policy, const Scope &scope, PatternBudget &budget,
                   Diagnostics &diagnostics) {
  Reader reader(scope, budget, diagnostics);
  OwnRules out;
  for (const ast::Extends &extends : policy.extends) {
    out.extends_except.push_back(reader.patterns(extends.except, false));
  }
  for (const ast::Rule &source : policy.rules) {
    if (source.kind == ast::Rule::Kind::never) {
      NeverRule never;
      never.level = source.level;
      never.patterns = reader.patterns(source.items, source.nocase);
      never.text = source.text;
      never.reason = source.reason;
      never.place = source.place;
      out.nevers.push_back(std::move(never));
      continue;
    }
    Rule rule;
    rule.kind = source.kind == ast::Rule::Kind::allow ? Rule::Kind::allow : Rule::Kind::limit;
    rule.level = source.level;
    rule.nocase = source.nocase;
    rule.patterns = reader.patterns(source.items, source.nocase);
    rule.except = reader.patterns(source.except, source.nocase);
    rule.text = source.text;
    rule.reason = source.reason;
    rule.policy = policy.name.text;
    rule.place = source.place;
    rule.items_end = source.items_end;
    rule.has_except = !source.except.empty();
    out.rules.push_back(std::move(rule));
  }
  for (const ast::Test &source : policy.tests) {
    for (const ast::Item &item : source.paths) {
      if (auto test = reader.test(source.level, item)) out.tests.push_back(*std::move(test));
    }
  }
  return out;
}

}  // namespace agentfense::lang
