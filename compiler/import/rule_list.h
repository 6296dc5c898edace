// rule_list: the JSON rule lists of the Go project AgentFense, as data.
//
// Format, as its documents and its Python SDK have it: an array of
//   {"pattern": "**/*.key", "permission": "none", "priority": 100, "type": "glob"}
// or an object that holds such an array under "permissions" or "rules", or arrays under preset names.
// priority defaults to 0 (a number or digits in a string), type to glob; its gateway's spellings
// PERMISSION_NONE and PATTERN_TYPE_GLOB are read too.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "compiler/import/draft.h"

namespace agentfense::compiler::import {

struct ListRule {
  enum class Type : uint8_t { glob = 1, directory = 2, file = 3 };  // the number is the documented standing
  std::string pattern;
  lang::Level level = lang::Level::none;
  int64_t priority = 0;
  Type type = Type::glob;
  bool typed = false;  // "type" was given
};

struct RuleList {
  std::vector<ListRule> rules;
  std::vector<std::string> left_out;  // keys that are no part of a rule
};

// `preset` chooses among several named lists. Never throws; deep nesting, broken UTF-8 and wrong types are
// a Refusal that says which rule.
[[nodiscard]] std::variant<RuleList, Refusal> read_rule_list(std::string_view json,
                                                             const std::string &preset);

// Whether arrays and objects nest too deeply to be parsed.
[[nodiscard]] bool nests_too_deeply(std::string_view json);

// The policy for a list, and every way in which it, or the project's code, differs from its documents.
[[nodiscard]] Result import_rule_list(const RuleList &list, const std::string &name);

}  // namespace agentfense::compiler::import
