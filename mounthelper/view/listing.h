// Listing: the visible entries of one directory, in an order and with positions that depend on
// nothing but the names shown.
//
// A directory has no handle in the view, so a position must mean the same in a listing that was read
// again. It is a hash of the name: an entry keeps its position while others come and go, and a gap
// between two positions tells nothing of hidden names.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/table/table.h"

namespace agentfense::view {

enum class Shown { no, yes, if_directory };

// Whether a name in a directory of state `dir` shows, by the table alone; reserved names (reserved_names.h) never do.
[[nodiscard]] Shown shown(const table::Table &table, table::StateId dir, std::string_view name);

class Listing {
 public:
  // Positions of "." and ".."; every entry's is greater.
  static constexpr uint64_t kDot = 1;
  static constexpr uint64_t kDotDot = 2;

  struct Entry {
    std::string_view name;  // followed by NUL; valid while the Listing lives and is not changed
    uint64_t ino;
    uint64_t position;  // 3 .. 2^63 - 1, rising
    uint8_t type;       // DT_*
  };

  void add(std::string_view name, uint64_t ino, uint8_t type);
  // Orders the entries; to be called once, after the last add().
  void finish();

  [[nodiscard]] size_t size() const { return slots_.size(); }
  [[nodiscard]] Entry entry(size_t index) const;              // REQUIRES: index < size()
  [[nodiscard]] size_t first_after(uint64_t position) const;  // size() where there is none
  [[nodiscard]] size_t bytes() const { return slots_.capacity() * sizeof(Slot) + names_.capacity(); }

 private:
  struct Slot {
    uint64_t position;
    uint64_t ino;
    uint32_t name;  // offset in names_
    uint16_t length;
    uint8_t type;
  };
  [[nodiscard]] std::string_view name_of(const Slot &slot) const {
    return std::string_view(names_).substr(slot.name, slot.length);
  }

  std::vector<Slot> slots_;
  std::string names_;
};

}  // namespace agentfense::view
