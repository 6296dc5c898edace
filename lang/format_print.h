// format_print: the lines of a policy's canonical form -> text, filled to 100 columns.
#pragma once

#include <string>
#include <vector>

#include "lang/format_lines.h"

namespace agentfense::lang {

inline constexpr size_t kFormatColumns = 100;

[[nodiscard]] std::string format_print(const std::vector<FormatLine> &lines);

}  // namespace agentfense::lang
