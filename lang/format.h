// format: one policy file in canonical form.
//
// Comments stay where they were, the order of statements too; white space, line breaks in lists,
// quotes that need not be there and the spelling of patterns become the one way to write them.
// LANGUAGE.md says what that way is. Idempotent: format(format(x)) == format(x). Never changes meaning:
// before it answers, the result is parsed again and compared with what was given.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lang/diagnostics.h"

namespace agentfense::lang {

// Nothing where the text has errors; they are in `diagnostics` then (places in file 0). Names, values
// and what braces stand for are not looked at.
// REQUIRES: text.size() <= kMaxFileBytes (lang/parse.h).
[[nodiscard]] std::optional<std::string> format_policy(std::string_view text, Diagnostics &diagnostics);

}  // namespace agentfense::lang
