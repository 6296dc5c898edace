#include "lang/source_check.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "lang/pattern_syntax.h"
#include "lang/place.h"
#include "lang/spelling.h"

namespace agentfense::lang {
namespace {

size_t byte_order_mark_size(std::string_view text) {
  if (text.substr(0, 3) == "\xEF\xBB\xBF") return 3;
  std::string_view two = text.substr(0, 2);
  return two == "\xFF\xFE" || two == "\xFE\xFF" ? 2 : 0;
}

// Where the quote that starts at `i` ends: at its second `"`, or before the end of its line.
size_t end_of_quote(std::string_view text, size_t i) {
  while (++i < text.size() && text[i] != '"') {
    if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] != '\r' && text[i + 1] != '\n') ++i;
    if (text[i] == '\r' || text[i] == '\n') return i - 1;
  }
  return i;
}

struct TooDeep {
  size_t brace;                   // the first that is nested too deeply
  std::optional<size_t> outside;  // where the outermost block starts, where it is one of blocks
};

// Follows words as the lexer does: braces of a pattern belong to the pattern, other ones are blocks.
std::optional<TooDeep> too_deep(std::string_view text) {
  std::vector<size_t> blocks;  // where the open ones start
  size_t depth = 0;            // of braces in the pattern
  bool pattern = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (space || (c == ',' && depth == 0)) {
      pattern = false;
      depth = 0;
    } else if (c == '"') {
      i = end_of_quote(text, i);
      pattern = false;
      depth = 0;
    } else if (c == '#' && !pattern) {
      i = std::min(text.find('\n', i), text.size());
    } else if (c == '{' && pattern) {
      if (++depth > kMaxBraceNesting) return TooDeep{i, std::nullopt};
    } else if (c == '{') {
      if (blocks.size() == kMaxBraceNesting) return TooDeep{i, blocks.front()};
      blocks.push_back(i);
    } else if (c == '}' && depth > 0) {
      --depth;
    } else if (c == '}') {
      pattern = false;
      if (!blocks.empty()) blocks.pop_back();
    } else if (!is_name_byte(static_cast<unsigned char>(c)) && c != '=' &&
               static_cast<unsigned char>(c) > ' ' && c != '\x7F') {
      pattern = true;
    }
  }
  return std::nullopt;
}

}  // namespace

bool check_source(uint32_t file, std::string_view text, Diagnostics &diagnostics) {
  if (size_t mark = byte_order_mark_size(text); mark != 0) {
    Place place = place_at(file, text, 0, mark);
    Diagnostic &d = diagnostics.report(
        Code::byte_order_mark, place, "the file starts with a byte-order mark; save it as UTF-8 without one");
    if (mark == 3) d.fixes.push_back({place, ""});
    return false;
  }
  if (size_t at = text.find('\0'); at != std::string_view::npos) {
    diagnostics.report(Code::nul_byte, place_at(file, text, at, 1),
                       "the file holds a NUL byte; a policy is plain text");
    return false;
  }
  if (auto found = too_deep(text)) {
    const std::string limit = std::to_string(kMaxBraceNesting);
    Diagnostic &d = diagnostics.report(
        Code::brace_nesting, place_at(file, text, found->brace, 1),
        found->outside ? "blocks are nested deeper than " + limit + "; a `}` is missing above"
                       : "braces are nested deeper than " + limit + "; write several patterns");
    if (found->outside) {
      d.remarks.push_back(
          {place_at(file, text, *found->outside, 1), "the outermost block is open from here"});
    }
    return false;
  }
  return true;
}

}  // namespace agentfense::lang
