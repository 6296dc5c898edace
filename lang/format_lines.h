// format_lines: the tokens of a policy -> the lines of its canonical form, not yet filled to a width.
//
// The upper half of lang/format.cc; lang/format_print.cc is the lower one.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lang/diagnostics.h"

namespace agentfense::lang {

// What stands together: up to a comma of a list, an item of a set, or a comment on a line of its own.
struct FormatChunk {
  std::string text;           // of an item of a set: without its comma
  std::string reason;         // of a rule, with its quotes, behind the last chunk
  std::string_view comment;   // behind it on its line; no more chunks fit there then
  bool own_comment = false;   // `comment` is all there is
  bool blank_before = false;  // in sets
};

struct FormatLine {
  enum class Kind { comment, statement, open, close, set };
  Kind kind = Kind::statement;
  size_t depth = 0;
  bool blank_before = false;
  std::string head;  // of a set: `set NAME = {`
  std::string_view head_comment;
  std::vector<FormatChunk> chunks;
  bool last_comma = false;   // a set has a comma behind its last item
  std::string_view comment;  // behind the last chunk; of a comment line: the comment
};

// Views point into `text`. Nothing where a pattern is wrong, which is in `diagnostics` then.
// REQUIRES: `text` parses without errors.
[[nodiscard]] std::optional<std::vector<FormatLine>> format_lines(std::string_view text,
                                                                  Diagnostics &diagnostics);

}  // namespace agentfense::lang
