#include "compiler/explain/edit.h"

#include <algorithm>
#include <tuple>

#include "compiler/explain/path_cover.h"
#include "lang/pattern_syntax.h"

namespace agentfense::compiler {
namespace {

using lang::Place;
using lang::Rule;
using lang::RulePattern;

std::string plain_path(std::string_view path) {
  std::string plain;
  for (const std::string_view name : path_names(path)) plain.append("/").append(name);
  return plain.empty() ? "/" : plain;
}

RulePattern literal(std::string_view path) {
  lang::PathPattern pattern;
  for (const std::string_view name : path_names(path)) {
    lang::PatternComponent component;
    for (const char c : name) {
      component.glob.push_back({lang::ByteSet::single(static_cast<unsigned char>(c)), false});
    }
    pattern.components.push_back(std::move(component));
  }
  return {lang::spell_literal(plain_path(path)), {}, {std::move(pattern)}};
}

// A limit that several clauses bring is one rule only as long as their exceptions are the same: the one
// without the new exception goes on to hold.
bool opened_by(const Rule &rule, std::span<const Edit> edits, const std::vector<Rule> &rules) {
  const auto has = [&](uint32_t clause) {
    return std::ranges::find(edits, Edit{Edit::Kind::except_at_extends, lang::Level::none, clause}) !=
           edits.end();
  };
  if (has(kNewPolicy) || (!rule.extends.empty() && std::ranges::all_of(rule.extends, has))) return true;
  return std::ranges::any_of(edits, [&](const Edit &e) {
    return e.kind == Edit::Kind::except_at_limit && same_statement(rules[e.at], rule);
  });
}

Rule new_rule(const Edit &edit, const RulePattern &pattern, const lang::RuleSet &rules) {
  Rule rule;
  rule.kind = edit.kind == Edit::Kind::add_allow ? Rule::Kind::allow : Rule::Kind::limit;
  rule.level = edit.level;
  rule.patterns = {pattern};
  rule.text = std::string(rule.kind == Rule::Kind::allow ? "allow " : "limit ") +
              lang::level_name(edit.level) + " " + pattern.text;
  rule.policy = rules.policy;
  rule.place = rules.end;
  return rule;
}

// Before the `}`, on a line of its own.
lang::FixIt insert_rule(const lang::RuleSet &rules, const std::string &text) {
  Place at = rules.end;
  at.length = 0;
  const std::string &source = rules.files[at.file].text;
  size_t begin = at.offset;
  while (begin > 0 && (source[begin - 1] == ' ' || source[begin - 1] == '\t')) --begin;
  if (begin > 0 && source[begin - 1] != '\n') return {at, "\n  " + text + "\n"};
  at.column -= static_cast<uint32_t>(at.offset - begin);
  at.offset = static_cast<uint32_t>(begin);
  return {at, "  " + text + "\n"};
}

}  // namespace

bool is_preset(const lang::RuleSet &rules, const Place &place) {
  return place.file < rules.files.size() && rules.files[place.file].name.starts_with("preset:");
}

bool is_preset(const lang::RuleSet &rules) { return is_preset(rules, rules.end); }

bool same_statement(const Rule &a, const Rule &b) {
  const auto key = [](const Place &p) { return std::tuple(p.file, p.line, p.column); };
  return key(a.place) == key(b.place);
}

lang::RuleSet apply(lang::RuleSet rules, std::span<const Edit> edits, std::string_view path) {
  const RulePattern pattern = literal(path);
  std::vector<Rule> kept;
  for (const Rule &rule : rules.rules) {
    const bool removed = std::ranges::any_of(edits, [&](const Edit &e) {
      return e.kind == Edit::Kind::remove_rule && same_statement(rules.rules[e.at], rule);
    });
    if (removed) continue;
    kept.push_back(rule);
    if (rule.kind == Rule::Kind::limit && opened_by(rule, edits, rules.rules)) {
      kept.back().except.push_back(pattern);
    }
  }
  for (const Edit &edit : edits) {
    if (edit.kind == Edit::Kind::add_allow || edit.kind == Edit::Kind::add_limit) {
      kept.push_back(new_rule(edit, pattern, rules));
    }
  }
  rules.rules = std::move(kept);
  return rules;
}

std::optional<std::string> spell_path(std::string_view path) {
  std::string text = lang::spell_literal(plain_path(path));
  const bool quoted = text.starts_with('"');
  const std::string_view inner = quoted ? std::string_view(text).substr(1, text.size() - 2) : text;
  lang::PatternOptions options;
  options.quoted = quoted;
  if (std::holds_alternative<lang::PatternIssue>(lang::parse_pattern(inner, options))) return std::nullopt;
  return text;
}

EditText describe(const lang::RuleSet &rules, const Edit &edit, std::string_view path) {
  const RulePattern pattern = literal(path);
  const auto with_except = [&](const std::string &text, bool more) {
    return text + (more ? ", " : " except ") + pattern.text;
  };
  const auto insertion = [&](const Place &at, bool more) {
    return lang::FixIt{at, (more ? ", " : " except ") + pattern.text};
  };
  switch (edit.kind) {
    case Edit::Kind::add_allow:
    case Edit::Kind::add_limit: {
      const std::string text = new_rule(edit, pattern, rules).text;
      if (is_preset(rules)) return {{}, text, std::nullopt};
      return {rules.end, text, insert_rule(rules, text)};
    }
    case Edit::Kind::except_at_limit: {
      const Rule &rule = rules.rules[edit.at];
      return {rule.place, with_except(rule.text, rule.has_except),
              insertion(rule.items_end, rule.has_except)};
    }
    case Edit::Kind::except_at_extends: {
      if (edit.at == kNewPolicy)
        return {{}, with_except("extends preset:" + rules.policy, false), std::nullopt};
      const lang::ExtendsClause &clause = rules.extends[edit.at];
      return {clause.place, with_except(clause.text, clause.has_except),
              insertion(clause.items_end, clause.has_except)};
    }
    case Edit::Kind::remove_rule: {
      const Rule &rule = rules.rules[edit.at];
      return {rule.place, rule.text, lang::FixIt{rule.place, ""}};
    }
  }
  return {};
}

}  // namespace agentfense::compiler
