#include "compiler/report/report_places.h"

#include <algorithm>
#include <string_view>

namespace agentfense::compiler::report {
namespace {

uint32_t characters(std::string_view bytes) {
  return static_cast<uint32_t>(std::count_if(
      bytes.begin(), bytes.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace

void set_place(const lang::Place &place, const std::vector<lang::SourceFile> &files,
               ::agentfense::report::v1::Place &out) {
  out.set_file(place.file);
  out.set_line(place.line);
  if (place.line == 0) return;
  out.set_offset(place.offset);
  out.set_column(place.column);
  out.set_end_line(place.line);
  out.set_end_column(place.column);
  if (place.file >= files.size() || place.offset > files[place.file].text.size()) return;

  const std::string_view text = files[place.file].text;
  const size_t line_begin = place.offset - std::min<size_t>(place.offset, place.column - 1);
  const std::string_view covered = text.substr(place.offset, place.length);
  out.set_length(static_cast<uint32_t>(covered.size()));
  out.set_column(1 + characters(text.substr(line_begin, place.offset - line_begin)));
  const size_t last_line = covered.rfind('\n');
  if (last_line == std::string_view::npos) {
    out.set_end_column(out.column() + characters(covered));
  } else {
    out.set_end_line(place.line + static_cast<uint32_t>(std::count(covered.begin(), covered.end(), '\n')));
    out.set_end_column(1 + characters(covered.substr(last_line + 1)));
  }
}

}  // namespace agentfense::compiler::report
