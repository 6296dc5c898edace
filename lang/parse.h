// parse: policy text -> ast::File. ANTLR stays behind this door and that of parse_tokens.h.
#pragma once

#include <cstdint>
#include <string_view>

#include "lang/ast.h"
#include "lang/diagnostics.h"

namespace agentfense::lang {

inline constexpr size_t kMaxFileBytes = size_t{4} << 20;

// Reports every error of the text and goes on behind each. `file` becomes Place::file. What comes
// back holds the statements without errors; those whose name at least was read are marked broken.
// REQUIRES: text.size() <= kMaxFileBytes.
[[nodiscard]] ast::File parse(uint32_t file, std::string_view text, Diagnostics &diagnostics);

}  // namespace agentfense::lang
