#include "lang/place.h"

#include <algorithm>

namespace agentfense::lang {

Place place_at(uint32_t file, std::string_view text, size_t offset, size_t length) {
  std::string_view before = text.substr(0, offset);
  size_t line_start = before.rfind('\n');
  line_start = line_start == std::string_view::npos ? 0 : line_start + 1;
  Place place;
  place.file = file;
  place.line = static_cast<uint32_t>(std::count(before.begin(), before.end(), '\n') + 1);
  place.column = static_cast<uint32_t>(offset - line_start + 1);
  place.offset = static_cast<uint32_t>(offset);
  place.length = static_cast<uint32_t>(length);
  return place;
}

Place part_of(const Place &outer, size_t offset, size_t length) {
  Place place = outer;
  place.column += static_cast<uint32_t>(offset);
  place.offset += static_cast<uint32_t>(offset);
  place.length = static_cast<uint32_t>(length);
  return place;
}

}  // namespace agentfense::lang
