// help: what each code means, why it matters and what to do, in two or three sentences. Markdown that
// reads as plain text too.
#pragma once

#include <string_view>

#include "lang/diagnostics.h"

namespace agentfense::compiler::report {

[[nodiscard]] std::string_view help_of(lang::Code code);

}  // namespace agentfense::compiler::report
