#include "compiler/diff/product.h"

#include <algorithm>
#include <unordered_map>

#include "compiler/automaton/hash.h"

namespace agentfense::compiler::diff {
namespace {

std::span<const table::PathException> exceptions_of(const table::Image &image, uint32_t state) {
  const table::RowRef &row = image.states[state].row;
  return std::span(image.exceptions).subspan(row.exception_begin, row.exception_count);
}

bool is_constant(const table::Image &image, uint32_t state) {
  return (image.states[state].row.base_row & table::kConstantRow) != 0;
}

table::Step base_step(const table::Image &image, uint32_t state, uint32_t component_class) {
  const uint32_t row = image.states[state].row.base_row;
  if (row & table::kConstantRow) return {row & ~table::kConstantRow, 0};
  return image.base_rows[size_t{row} * image.component_classes + component_class];
}

table::Step step(const table::Image &image, uint32_t state, uint32_t component_class) {
  const std::span<const table::PathException> exceptions = exceptions_of(image, state);
  const auto it = std::ranges::lower_bound(exceptions, component_class, {}, &table::PathException::symbol);
  if (it != exceptions.end() && it->symbol == component_class) return it->step;
  return base_step(image, state, component_class);
}

struct MoveHash {
  size_t operator()(const Move &m) const {
    const uint64_t to = uint64_t{m.to.old_state} << 32 | m.to.new_state;
    return mix64(to ^ mix64(uint64_t{m.old_label} << 32 | m.new_label));
  }
};

}  // namespace

Product::Product(table::Image old_image, table::Image new_image, std::vector<Letter> letters)
    : old_(std::move(old_image)), new_(std::move(new_image)), letters_(std::move(letters)) {
  letters_of_old_.resize(old_.component_classes);
  letters_of_new_.resize(new_.component_classes);
  for (uint32_t x = 0; x < letters_.size(); ++x) {
    letters_of_old_[letters_[x].old_class].push_back(x);
    letters_of_new_[letters_[x].new_class].push_back(x);
  }
}

std::optional<Product> Product::make(const table::Table &old_table, const table::Table &new_table,
                                     uint64_t max_pairs) {
  table::Image old_image = old_table.image(), new_image = new_table.image();
  std::optional<std::vector<Letter>> letters =
      joint_letters(old_image.classifier, new_image.classifier, max_pairs);
  if (!letters) return std::nullopt;
  return Product(std::move(old_image), std::move(new_image), std::move(*letters));
}

Move Product::move(Pair from, uint32_t letter) const {
  const table::Step a = step(old_, from.old_state, letters_[letter].old_class);
  const table::Step b = step(new_, from.new_state, letters_[letter].new_class);
  return {{a.target, b.target}, a.label, b.label};
}

std::vector<uint32_t> Product::listed(Pair from) const {
  std::vector<uint32_t> letters;
  for (const table::PathException &e : exceptions_of(old_, from.old_state)) {
    const std::vector<uint32_t> &more = letters_of_old_[e.symbol];
    letters.insert(letters.end(), more.begin(), more.end());
  }
  const std::span<const table::PathException> old_exceptions = exceptions_of(old_, from.old_state);
  for (const table::PathException &e : exceptions_of(new_, from.new_state)) {
    for (const uint32_t x : letters_of_new_[e.symbol]) {
      if (!std::ranges::binary_search(old_exceptions, letters_[x].old_class, {},
                                      &table::PathException::symbol)) {
        letters.push_back(x);
      }
    }
  }
  return letters;
}

uint64_t Product::base_of(Pair from) const {
  return uint64_t{old_state(from).row.base_row} << 32 | new_state(from).row.base_row;
}

std::vector<Group> Product::groups(Pair from) const {
  if (is_constant(old_, from.old_state) && is_constant(new_, from.new_state)) {
    const table::Step a = base_step(old_, from.old_state, 0), b = base_step(new_, from.new_state, 0);
    return {{{{a.target, b.target}, a.label, b.label}, true, {}}};
  }
  std::vector<Group> groups;
  std::unordered_map<Move, uint32_t, MoveHash> index;
  for (uint32_t x = 0; x < letters_.size(); ++x) {
    const table::Step a = base_step(old_, from.old_state, letters_[x].old_class);
    const table::Step b = base_step(new_, from.new_state, letters_[x].new_class);
    const Move move{{a.target, b.target}, a.label, b.label};
    const auto [it, fresh] = index.try_emplace(move, static_cast<uint32_t>(groups.size()));
    if (fresh) groups.push_back({move, false, {}});
    groups[it->second].letters.push_back(x);
  }
  return groups;
}

}  // namespace agentfense::compiler::diff
