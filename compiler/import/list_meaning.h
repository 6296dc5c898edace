// list_meaning: what a rule of a rule list matches, by that project's documents and by its code.
//
// Documented: `**` is any number of folders, `*` and `?` stay inside one, a pattern without a leading slash
// starts at the root, `type: directory` means the folder and all below, `type: file` one path; a pattern
// without wildcards and without a type is a file. What is hidden (none) does not exist, so nothing below it
// does. Of the rules that match, the highest priority wins, then file > directory > glob, then the more
// specific; that is read as: covers strictly less. Where the documents leave it open, the lowest level.
//
// Its code (internal/fs/permission.go): `**` in front means one more component for each `**` of the pattern,
// unless there is exactly one `**`: then the literal text before it, and the last name after it. Specificity
// is a score from the spelling. Nothing covers what is below it.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "compiler/import/draft.h"
#include "compiler/import/rule_list.h"
#include "compiler/import/walk.h"

namespace agentfense::compiler::import {

// A pattern that speaks for what it matches, or, where `closed`, for all below that too.
struct Shape {
  lang::PathPattern pattern;
  bool closed = false;
};

struct Meaning {
  lang::Level level = lang::Level::none;
  int64_t priority = 0;
  ListRule::Type type = ListRule::Type::glob;  // the documented one
  Shape documented;
  std::vector<Shape> code;  // any of them
  int64_t code_type = 1;
  int64_t code_score = 0;
};

[[nodiscard]] std::variant<Meaning, Refusal> meaning_of(const ListRule &rule);

// beats[a][b]: where both match, a decides and b does not.
[[nodiscard]] std::vector<std::vector<bool>> who_beats(const std::vector<Meaning> &rules);

// The order in which the code asks the rules.
[[nodiscard]] std::vector<size_t> code_order(const std::vector<Meaning> &rules);

}  // namespace agentfense::compiler::import
