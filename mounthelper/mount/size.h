// Sizes as options write them: 4096, 512K, 300M, 2G.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace agentfense::mount {

// Bytes: decimal digits, then nothing or one of K, M, G and T, powers of 1024. Nothing for other text, for zero,
// and for what 63 bits do not hold.
[[nodiscard]] std::optional<uint64_t> parse_size(std::string_view text);

}  // namespace agentfense::mount
