// Product: two path automata walked as one, letter by letter.
//
// A pair (old state, new state) is where a path leads in both tables. What most letters do to a pair is
// decided by its two base rows, which many pairs share: the letters of two base rows are grouped once by
// where they lead, and a pair itself looks only at the letters that one of its states lists apart.
//
// Made and read by compare.cc. Threads: one.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "compiler/diff/letters.h"
#include "compiler/table/table.h"

namespace agentfense::compiler::diff {

struct Pair {
  uint32_t old_state = 0;
  uint32_t new_state = 0;
  bool operator==(const Pair &) const = default;
};

// Where a letter leads, and the labels of the two steps.
struct Move {
  Pair to;
  uint32_t old_label = 0;
  uint32_t new_label = 0;
  bool operator==(const Move &) const = default;
};

// Letters that do the same, the least first.
struct Group {
  Move move;
  bool every_letter = false;  // `letters` is then empty
  std::vector<uint32_t> letters;
};

class Product {
 public:
  // Nothing where the names alone pass `max_pairs`.
  [[nodiscard]] static std::optional<Product> make(const table::Table &old_table,
                                                   const table::Table &new_table, uint64_t max_pairs);

  [[nodiscard]] const std::vector<Letter> &letters() const { return letters_; }
  [[nodiscard]] const table::PathState &old_state(Pair p) const { return old_.states[p.old_state]; }
  [[nodiscard]] const table::PathState &new_state(Pair p) const { return new_.states[p.new_state]; }
  [[nodiscard]] std::span<const table::SlotUpdate> old_updates(uint32_t label) const {
    return old_.labels[label];
  }
  [[nodiscard]] std::span<const table::SlotUpdate> new_updates(uint32_t label) const {
    return new_.labels[label];
  }

  [[nodiscard]] Move move(Pair from, uint32_t letter) const;

  // The letters that one of the two states lists apart, each once, in no order.
  [[nodiscard]] std::vector<uint32_t> listed(Pair from) const;

  // A name for the two base rows of a pair, and what the letters do where neither state lists them.
  [[nodiscard]] uint64_t base_of(Pair from) const;
  [[nodiscard]] std::vector<Group> groups(Pair from) const;

 private:
  Product(table::Image old_image, table::Image new_image, std::vector<Letter> letters);

  table::Image old_, new_;
  std::vector<Letter> letters_;
  std::vector<std::vector<uint32_t>> letters_of_old_, letters_of_new_;  // by class
};

}  // namespace agentfense::compiler::diff
