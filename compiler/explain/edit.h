// Edit: one change of a policy's text, and what it does to its rules.
//
// Made by find_changes(); read by the printers, which show it as words, as policy text and as a
// replacement in the source. Threads: pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lang/diagnostics.h"
#include "lang/rules.h"

namespace agentfense::compiler {

struct Edit {
  enum class Kind : uint8_t {
    add_allow,          // at the end of the policy
    add_limit,          // likewise
    except_at_limit,    // in the statement of rule `at`
    except_at_extends,  // in clause `at` of RuleSet::extends, for all limits that it brings
    remove_rule,        // the statement of rule `at`
  };
  Kind kind;
  lang::Level level = lang::Level::none;  // add_*
  uint32_t at = 0;
  auto operator<=>(const Edit &) const = default;
};

// `at` of an exception that belongs to a policy yet to be written, which extends this one: a preset is
// not edited.
inline constexpr uint32_t kNewPolicy = 0xffffffff;

[[nodiscard]] bool is_preset(const lang::RuleSet &rules, const lang::Place &place);
// Whether the policy itself stands in a preset's file, so that every edit belongs to a new one.
[[nodiscard]] bool is_preset(const lang::RuleSet &rules);

// Whether both rules come from one statement.
[[nodiscard]] bool same_statement(const lang::Rule &a, const lang::Rule &b);

// The rules after the edits, each for `path`. Places and texts stay as they were.
[[nodiscard]] lang::RuleSet apply(lang::RuleSet rules, std::span<const Edit> edits, std::string_view path);

struct EditText {
  lang::Place place;  // the statement, clause or `}` that it is at; line 0 where it is in a new policy
  std::string text;   // the statement or clause as it then reads; the one taken away for remove_rule
  std::optional<lang::FixIt> fix;  // none in a new policy
};

// How `path` is spelled as a pattern; nothing where no pattern can name it (it is too long).
[[nodiscard]] std::optional<std::string> spell_path(std::string_view path);

// REQUIRES: spell_path(path).
[[nodiscard]] EditText describe(const lang::RuleSet &rules, const Edit &edit, std::string_view path);

}  // namespace agentfense::compiler
