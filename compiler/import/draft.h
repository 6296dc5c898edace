// Draft: a policy in the making, and what an import has to say about it.
//
// Made by rule_list, gitignore, claude and codex; pruned by prune.cc; printed by write_policy.cc.
// Plain data; threads: no restriction.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lang/path_pattern.h"
#include "lang/rules.h"

namespace agentfense::compiler::import {

struct Statement {
  bool limit = false;
  lang::Level level = lang::Level::none;
  lang::PathPattern pattern;
  std::vector<lang::PathPattern> except;  // of a limit
  std::vector<std::string> notes;         // comment lines above it
};

// How a comment line begins that belongs to the one before it.
inline constexpr std::string_view kButNot = "  but not ";
inline constexpr std::string_view kAnd = "  and ";

// Paths on which two meanings differ, shown by the shortest of them.
struct Difference {
  lang::Level promised;     // by the source's documents
  lang::Level other;        // by our policy, or by the source's code
  std::string example;      // raw bytes
  std::string familiar;     // a path that a reader knows, of the same class; may be empty
  std::string promised_by;  // the source rule, empty where none
  std::string other_by;
};

struct Draft {
  std::string name;                 // of the policy
  std::vector<std::string> header;  // what the policy was made from and how to read it
  std::vector<Statement> statements;
  std::vector<std::string> implied;     // what of the source the rest says already: it left no statement
  std::vector<std::string> left_out;    // what of the source has no place in a policy
  std::vector<std::string> hides_more;  // where the policy is stricter than its source, in words
  // Rule lists alone; decided over all paths where `decided`, else as far as the search went.
  bool compared = false;
  bool decided = true;
  std::vector<Difference> from_documents;
  std::vector<Difference> from_code;
};

// A source that is refused: one sentence with cause, place and remedy.
struct Refusal {
  std::string message;
};

using Result = std::variant<Draft, Refusal>;

// Where host paths lie in the view.
struct Places {
  std::string root;  // the host folder that the view shows: absolute, without a slash at the end; "" is /
  std::string home;  // what ~ stands for, likewise; may be unknown (nothing)
  bool home_known = false;
  std::optional<lang::Level> base;  // --base
};

// The largest source that is read, and the deepest nesting.
inline constexpr size_t kMaxSourceBytes = size_t{4} << 20;
inline constexpr size_t kMaxNesting = 64;
inline constexpr size_t kMaxSourceRules = 2'000;

}  // namespace agentfense::compiler::import
