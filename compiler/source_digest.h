// The identity of a policy's sources: what a table carries so that it can be told from which text
// it was made.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "lang/rules.h"

namespace agentfense::compiler {

// A file's name as the table shows it: relative to the folder of the main file, so that a checkout
// elsewhere compiles to the same bytes.
[[nodiscard]] std::string portable_name(const lang::RuleSet &rules, uint32_t file);

// SHA-256 over the count, names, lengths and texts of all files that were read.
[[nodiscard]] std::array<uint8_t, 32> source_digest(const lang::RuleSet &rules);

}  // namespace agentfense::compiler
