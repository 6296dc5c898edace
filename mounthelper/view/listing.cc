#include "mounthelper/view/listing.h"

#include <algorithm>

#include "mounthelper/view/decide.h"
#include "mounthelper/view/reserved_names.h"

namespace agentfense::view {
namespace {

constexpr uint64_t kFirst = Listing::kDotDot + 1;

// FNV-1a, 62 bits of it: positions are signed 64-bit offsets to programs, and finish() may have to
// move one up by a few.
uint64_t hash_position(std::string_view name) {
  uint64_t h = 0xcbf29ce484222325;
  for (unsigned char c : name) h = (h ^ c) * 0x100000001b3;
  return kFirst + ((h ^ (h >> 32)) & ((uint64_t{1} << 62) - 1));
}

}  // namespace

Shown shown(const table::Table &table, table::StateId dir, std::string_view name) {
  StateInfo info = info_of(table, table.step(dir, name), name);
  if (info.level > Level::none) return Shown::yes;
  return info.visible_below ? Shown::if_directory : Shown::no;
}

void Listing::add(std::string_view name, uint64_t ino, uint8_t type) {
  slots_.push_back({hash_position(name), ino, static_cast<uint32_t>(names_.size()),
                    static_cast<uint16_t>(name.size()), type});
  names_.append(name);
  names_.push_back('\0');
}

void Listing::finish() {
  std::sort(slots_.begin(), slots_.end(), [this](const Slot &a, const Slot &b) {
    return a.position != b.position ? a.position < b.position : name_of(a) < name_of(b);
  });
  // Two names of one hash: the later one steps aside, else it could not be resumed at.
  for (size_t i = 1; i < slots_.size(); ++i) {
    slots_[i].position = std::max(slots_[i].position, slots_[i - 1].position + 1);
  }
}

Listing::Entry Listing::entry(size_t index) const {
  const Slot &slot = slots_[index];
  return {name_of(slot), slot.ino, slot.position, slot.type};
}

size_t Listing::first_after(uint64_t position) const {
  auto after = std::upper_bound(slots_.begin(), slots_.end(), position,
                                [](uint64_t p, const Slot &slot) { return p < slot.position; });
  return static_cast<size_t>(after - slots_.begin());
}

}  // namespace agentfense::view
