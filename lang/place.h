// place: byte offsets of a source text as places.
#pragma once

#include <cstdint>
#include <string_view>

#include "lang/rules.h"

namespace agentfense::lang {

// Counts lines from the start of `text`: for errors, not for every token.
[[nodiscard]] Place place_at(uint32_t file, std::string_view text, size_t offset, size_t length);

// A stretch inside `outer`, which must be on one line there.
[[nodiscard]] Place part_of(const Place &outer, size_t offset, size_t length);

}  // namespace agentfense::lang
