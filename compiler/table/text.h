// append(out, "state ", 3, ...): text put together from strings and numbers. Internal to compiler/table.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>

namespace agentfense::table {

template <typename... Parts>
void append(std::string &out, const Parts &...parts) {
  const auto one = [&](const auto &part) {
    if constexpr (std::is_arithmetic_v<std::remove_cvref_t<decltype(part)>>) {
      out += std::to_string(part);
    } else {
      out += std::string_view(part);
    }
  };
  (one(parts), ...);
}

}  // namespace agentfense::table
