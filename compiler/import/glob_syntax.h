// glob_syntax: the globs of other tools -> patterns of ours.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "compiler/import/draft.h"
#include "lang/path_pattern.h"

namespace agentfense::compiler::import {

enum class Dialect {
  go,         // path/filepath.Match: `*`, `?`, `[^a-z]`, backslash
  gitignore,  // wildmatch: also `[!a-z]`, `[[:alpha:]]`, `]` first in a class
  literal,    // no byte is special
};

// `/`-separated components; empty ones are skipped, `**` is any depth (not where literal). A Refusal where
// the glob is malformed or names no path; its message is the end of a sentence ("has a `[` without `]`").
[[nodiscard]] std::variant<lang::PathPattern, Refusal> parse_glob(std::string_view glob, Dialect dialect);

// P -> P/*: everything strictly below what P names.
[[nodiscard]] lang::PathPattern below(const lang::PathPattern &pattern);
// Drops doubled and trailing `**`.
void make_canonical(lang::PathPattern &pattern);
// As policy text spells it, quoted where it must be.
[[nodiscard]] std::string spell(const lang::PathPattern &pattern);

}  // namespace agentfense::compiler::import
