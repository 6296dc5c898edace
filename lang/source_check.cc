#include "lang/source_check.h"

#include <optional>
#include <string>

#include "lang/pattern_syntax.h"
#include "lang/place.h"

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

// The first brace of a word that is nested too deeply. White space ends a word, as in the lexer.
std::optional<size_t> too_deep(std::string_view text) {
  size_t depth = 0;
  bool word_start = true;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '#' && word_start) {
      i = text.find('\n', i);
      if (i == std::string_view::npos) break;
      c = '\n';
    } else if (c == '"') {
      i = end_of_quote(text, i);
      if (i == text.size()) break;
      depth = 0;
    }
    word_start = c == ' ' || c == '\t' || c == '\n' || c == '\r' || (c == ',' && depth == 0);
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      depth = 0;
    } else if (c == '{' && ++depth > kMaxBraceNesting) {
      return i;
    } else if (c == '}' && depth > 0) {
      --depth;
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
  if (auto at = too_deep(text)) {
    diagnostics.report(
        Code::brace_nesting, place_at(file, text, *at, 1),
        "braces are nested deeper than " + std::to_string(kMaxBraceNesting) + "; write several patterns");
    return false;
  }
  return true;
}

}  // namespace agentfense::lang
