// source_tokens: a policy text as the parser's lexer cuts it, with the comments and line ends that the
// parser never sees.
//
// Made by lang/parse_tokens.cc; read by lang/format*.cc and lang/allow_comments.cc, which care for what
// the ast has dropped. For texts that parse without errors; of others it tells nothing reliable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace agentfense::lang {

struct SourceToken {
  enum class Kind : uint8_t {
    word,     // of the language; levels apart
    level,    // none, view, read, write
    name,     // of a set, param or policy; a version number; preset:NAME
    pattern,  // bare
    string,   // with its quotes
    comma,
    equals,
    open,   // `{` of a block or a set
    close,  // `}`
    newline,
    comment,  // from its `#` to before the line end
  };
  Kind kind = Kind::word;
  uint32_t offset = 0;
  uint32_t length = 0;

  [[nodiscard]] std::string_view text(std::string_view source) const { return source.substr(offset, length); }
};

// In source order. REQUIRES: text.size() <= kMaxFileBytes (lang/parse.h).
[[nodiscard]] std::vector<SourceToken> source_tokens(std::string_view text);

}  // namespace agentfense::lang
