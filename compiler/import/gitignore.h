// gitignore: an ignore file -> what it hides. Format: gitignore(5).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "compiler/import/draft.h"
#include "lang/path_pattern.h"

namespace agentfense::compiler::import {

struct IgnorePattern {
  lang::PathPattern pattern;  // of what it matches itself
  bool negated = false;
  bool folders_only = false;
};

// One line without its line end. A pattern that git would never match is a Refusal: who wrote it wanted to
// hide something. Nothing but a comment or white space: an empty optional.
[[nodiscard]] std::variant<std::optional<IgnorePattern>, Refusal> read_ignore_line(std::string_view line);

[[nodiscard]] Result import_gitignore(std::string_view text, const std::string &name, const Places &places);

}  // namespace agentfense::compiler::import
