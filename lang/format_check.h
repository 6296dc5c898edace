// format_check: that a formatted policy says what the original says, comments included.
#pragma once

#include <string_view>

#include "lang/ast.h"

namespace agentfense::lang {

// Compares everything but places, white space and the spelling of patterns.
[[nodiscard]] bool same_ast(const ast::File &a, const ast::File &b);

// Whether both have the same comments in the same order, white space behind them aside.
[[nodiscard]] bool same_comments(std::string_view a, std::string_view b);

}  // namespace agentfense::lang
