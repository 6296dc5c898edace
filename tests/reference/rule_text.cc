#include "tests/reference/rule_text.h"

#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>
#include <variant>

#include "lang/pattern_syntax.h"

namespace agentfense::reference {
namespace {

[[noreturn]] void give_up(const std::string &line) {
  std::cerr << "rules_of: cannot read: " << line << "\n";
  std::abort();
}

lang::RulePattern pattern_of(std::string text, const std::string &line) {
  if (!text.empty() && text.back() == ',') text.pop_back();
  std::variant<lang::ParsedPattern, lang::PatternIssue> parsed = lang::parse_pattern(text, {});
  if (!std::holds_alternative<lang::ParsedPattern>(parsed)) give_up(line);
  lang::RulePattern pattern;
  pattern.text = text;
  pattern.alternatives = std::move(std::get<lang::ParsedPattern>(parsed).alternatives);
  return pattern;
}

lang::Level level_of(const std::string &name, const std::string &line) {
  for (const lang::Level level :
       {lang::Level::none, lang::Level::view, lang::Level::read, lang::Level::write}) {
    if (name == lang::level_name(level)) return level;
  }
  give_up(line);
}

}  // namespace

lang::RuleSet rules_of(std::string_view text) {
  lang::RuleSet rules;
  rules.policy = "test";
  rules.files.push_back({"test.afp", std::string(text)});
  std::istringstream lines{std::string(text)};
  std::string line;
  for (uint32_t number = 1; std::getline(lines, line); ++number) {
    std::istringstream words(line);
    std::string kind, level, word;
    if (!(words >> kind)) continue;
    words >> level;
    std::vector<lang::RulePattern> patterns, except;
    bool after_except = false;
    while (words >> word) {
      if (word == "except") {
        after_except = true;
      } else {
        (after_except ? except : patterns).push_back(pattern_of(word, line));
      }
    }
    const lang::Place place{0, number, 1, 0, static_cast<uint32_t>(line.size())};
    if (kind == "never") {
      rules.nevers.push_back({level_of(level, line), false, std::move(patterns), line, "", place});
      continue;
    }
    if (kind != "allow" && kind != "limit") give_up(line);
    lang::Rule rule;
    rule.kind = kind == "allow" ? lang::Rule::Kind::allow : lang::Rule::Kind::limit;
    rule.level = level_of(level, line);
    rule.patterns = std::move(patterns);
    rule.except = std::move(except);
    rule.text = line;
    rule.place = place;
    rules.rules.push_back(std::move(rule));
  }
  return rules;
}

}  // namespace agentfense::reference
