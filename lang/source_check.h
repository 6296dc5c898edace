// source_check: what must hold of a file's bytes before the parser may see them.
#pragma once

#include <cstdint>
#include <string_view>

#include "lang/diagnostics.h"

namespace agentfense::lang {

// False, with one error reported, where the text cannot be parsed at all: a byte-order mark, a NUL
// byte, or braces nested deeper than any policy's: in a pattern the lexer, which follows them, would
// run out of stack; of blocks each one would be an error of its own.
[[nodiscard]] bool check_source(uint32_t file, std::string_view text, Diagnostics &diagnostics);

}  // namespace agentfense::lang
