// encode: Image -> the bytes of a .aft file. FORMAT.md is the layout.
#pragma once

#include <cstddef>
#include <vector>

#include "compiler/table/image.h"

namespace agentfense::table {

// Deterministic: equal images give equal bytes. REQUIRES: the image is well formed (every index in
// range, rows as image.h says); decode() of the result then succeeds.
[[nodiscard]] std::vector<std::byte> encode(const Image &image);

}  // namespace agentfense::table
