// path_order: which of two example paths is shown.
//
// The shorter one in bytes, then the lesser, where a-z come before the other printable bytes and those
// before the rest: an example is for a reader. `/` is least, so that the order of paths agrees with the
// order of their components wherever the components are equally long.
#pragma once

#include <string_view>

namespace agentfense::compiler {

[[nodiscard]] bool path_less(std::string_view a, std::string_view b);

}  // namespace agentfense::compiler
