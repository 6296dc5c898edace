// quote_path: paths as git writes them in a patch and on a terminal (core.quotePath).
#pragma once

#include <string>
#include <string_view>

namespace agentfense::delta {

// As it is where every byte is printable ASCII other than `"` and `\`; else in double quotes, with \a \b \t \n \v \f
// \r \" \\ and three octal digits for every other byte. Nothing that a terminal would act on comes through.
[[nodiscard]] std::string quote_path(std::string_view path);
// The same, in quotes always.
[[nodiscard]] std::string quote_always(std::string_view path);

}  // namespace agentfense::delta
