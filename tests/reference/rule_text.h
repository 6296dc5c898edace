// Rules for tests without the parser: one rule a line, as the canonical dump would write them.
//
//   allow read /a, **/b
//   limit none **/*.key except /a/x.key
//   never read /c
#pragma once

#include <string_view>

#include "lang/rules.h"

namespace agentfense::reference {

// REQUIRES: well-formed lines; fails the process with a message otherwise.
[[nodiscard]] lang::RuleSet rules_of(std::string_view text);

}  // namespace agentfense::reference
