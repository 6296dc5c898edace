// encode: Image -> the bytes of a .aft file. FORMAT.md is the layout.
#pragma once

#include <cstddef>
#include <vector>

#include "compiler/table/image.h"

namespace agentfense::table {

// Deterministic: equal images give equal bytes. REQUIRES: the image is well formed (every index in
// range, rows as image.h says, what the states say of their successors true, within FORMAT.md's
// limits); decode() of the result then succeeds, and gives canonical(image) back.
[[nodiscard]] std::vector<std::byte> encode(const Image &image);

// The one of all images of the same meaning that a file holds: exceptions in the order of the states
// and shared by none, `alike` numbered from 0 in the order of appearance, `below` none where
// uniform_below is not set, updates of a label sorted by slot with the last one for a slot kept, NUL
// and '/' in byte class 0, control bytes in strings spelled \xHH, at least the empty label 0.
// REQUIRES: as for encode().
[[nodiscard]] Image canonical(const Image &image);

}  // namespace agentfense::table
