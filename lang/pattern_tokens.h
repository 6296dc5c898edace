// pattern_tokens: the spelling of a pattern -> a flat list of tokens, escapes, classes and params
// resolved. The lower half of pattern_syntax; nobody else includes it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lang/path_pattern.h"
#include "lang/pattern_syntax.h"

namespace agentfense::lang {

struct PatternToken {
  enum class Kind : uint8_t { byte, any, star, set, open, comma, close, slash, param };
  Kind kind = Kind::byte;
  unsigned char byte = 0;  // of a byte token
  ByteSet bytes;           // what a byte, any or set token matches, nocase folded
  uint32_t offset = 0;     // in the spelling
  uint32_t length = 0;
};

// Appends to `tokens`; the issue where the spelling is wrong. Braces are balanced and not nested
// beyond kMaxBraceNesting, and hold no slash, where it succeeds. `keep_params`: ${name} becomes one
// param token, known or not, instead of its value.
[[nodiscard]] std::optional<PatternIssue> tokenize_pattern(std::string_view spelling,
                                                           const PatternOptions &options,
                                                           std::vector<PatternToken> &tokens,
                                                           bool keep_params = false);

// `/src/` is `/src`; the root keeps its slash, and `//` its empty component.
[[nodiscard]] std::span<const PatternToken> without_last_slash(std::span<const PatternToken> tokens);

// The canonical spelling of tokens of `spelling`: each literal byte as it stands, or escaped inside quotes.
[[nodiscard]] std::string spell_tokens(std::string_view spelling, std::span<const PatternToken> tokens);

}  // namespace agentfense::lang
