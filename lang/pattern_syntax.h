// pattern_syntax: the text of one pattern or test path -> what it stands for.
//
// Made by lang/resolve; also used by tests and later by `import rules.json`. No state, no recursion.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lang/diagnostics.h"
#include "lang/path_pattern.h"

namespace agentfense::lang {

inline constexpr size_t kMaxAlternatives = 4096;       // brace-free patterns per pattern
inline constexpr size_t kMaxPatternItems = 1'000'000;  // glob items over all of them
inline constexpr size_t kMaxPatternBytes = 4096;       // of the spelling; also the longest test path
inline constexpr size_t kMaxComponents = 128;
inline constexpr size_t kMaxComponentBytes = 255;  // NAME_MAX: a longer name does not exist
inline constexpr size_t kMaxBraceNesting = 16;

using ParamValues = std::map<std::string, std::string, std::less<>>;

struct PatternOptions {
  bool quoted = false;                  // the spelling stood in quotes (given without them): escapes are read
  bool nocase = false;                  // fold ASCII letters
  const ParamValues *params = nullptr;  // for ${name}; may be null: none
};

struct ParsedPattern {
  std::string text;                       // canonical: params inserted, quoted only where it must be
  std::vector<PathPattern> alternatives;  // sorted, each once; never empty
};

// Why a spelling was refused. Offsets count bytes of the spelling.
struct PatternIssue {
  Code code;
  size_t offset = 0;
  size_t length = 0;
  std::string message;
  // A replacement for the whole spelling, with quotes where it needs them.
  std::optional<std::string> fix;
};

[[nodiscard]] std::variant<ParsedPattern, PatternIssue> parse_pattern(std::string_view spelling,
                                                                      const PatternOptions &options);

// A path without globs, as tests name it: bytes, starts with '/', without trailing '/'.
[[nodiscard]] std::variant<std::string, PatternIssue> parse_test_path(std::string_view spelling,
                                                                      const PatternOptions &options);

// A pattern or the path of a test as it is best written: with quotes where it needs them, without a slash at
// its end, ${name} kept. Says what is wrong as far as that can be told without the params' values and
// without spelling out braces; parse_pattern() says the rest.
[[nodiscard]] std::variant<std::string, PatternIssue> canonical_spelling(std::string_view spelling,
                                                                         bool quoted, bool test_path);

// Whether two sound spellings stand for the same, whatever the values of params. A spelling with a
// difference that does not matter (`{a,b}` and `{b,a}`) counts as another.
[[nodiscard]] bool same_spelling(std::string_view a, bool a_quoted, std::string_view b, bool b_quoted);

// Nothing where `value` may stand in a component, else the reason as the end of a sentence
// ("is empty").
[[nodiscard]] std::optional<std::string> refuse_param_value(std::string_view value);

// The text of a quoted string that is no pattern (a reason, a param's default, an import):
// \xHH, \" and \\.
[[nodiscard]] std::variant<std::string, PatternIssue> decode_string(std::string_view spelling);

// `bytes` as a pattern spells them literally, quoted where it must be.
[[nodiscard]] std::string spell_literal(std::string_view bytes);

}  // namespace agentfense::lang
