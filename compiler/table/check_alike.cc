// States with equal `alike` numbers must have equal levels and, class by class, successors with equal
// numbers: then, by induction over paths, they agree on every path below, which is what the mount
// helper rests on when it lets a directory move.
//
// Comparing two rows symbol by symbol costs the width of a row; done for every state that is states
// times classes, far more than the file. Comparing sums of hashes would be fast, and no proof. So:
// states of one number that also share a base row are compared by their exceptions alone, with the
// one that has fewest, which costs no more than the exceptions themselves. Only the first state of
// each (number, base row) is compared with the first of its number symbol by symbol. Real tables
// have few base rows, so that is little; a hostile one could still have many, so this work is counted
// and ends at DecodeLimits::max_alike_work.
#include <algorithm>
#include <numeric>
#include <tuple>
#include <vector>

#include "compiler/table/checks.h"

namespace agentfense::table {
namespace {

class Congruence {
 public:
  Congruence(const Sections &sections, const DecodeLimits &limits)
      : s_(sections), work_left_(limits.max_alike_work) {}

  [[nodiscard]] CheckResult check() {
    const std::vector<uint32_t> order = grouped();
    uint32_t first = 0;   // of this number
    uint32_t leader = 0;  // of this number and base row
    bool expanded = false;
    for (size_t i = 0; i < order.size(); ++i) {
      const uint32_t state = order[i];
      const bool new_number = i == 0 || record(order[i - 1]).alike != record(state).alike;
      const bool new_row = new_number || base_key(order[i - 1]) != base_key(state);
      if (new_number) {
        first = state;
        expanded = false;
      } else if (record(state).level() != record(first).level()) {
        return fail("alike", "states ", first, " and ", state, " have one alike number and different levels");
      }
      if (new_row) leader = state;
      if (new_row && !new_number) {
        const uint64_t width = s_.header->component_classes;
        if (work_left_ < width) {
          return fail("alike-work", "comparing the states of equal alike numbers takes too long");
        }
        work_left_ -= width;
        if (!expanded) expand(first, numbers_of_first_);
        expanded = true;
        expand(state, numbers_);
        if (numbers_ != numbers_of_first_) return differ(first, state);
      } else if (state != leader && !same_exceptions(leader, state)) {
        return differ(leader, state);
      }
    }
    return std::nullopt;
  }

 private:
  [[nodiscard]] const PathRecord &record(uint32_t state) const { return s_.path_states[state]; }
  [[nodiscard]] uint32_t alike(const Step &step) const { return s_.path_states[step.target].alike; }

  // Equal where the base rows are the same in terms of alike numbers, by their looks.
  [[nodiscard]] uint32_t base_key(uint32_t state) const {
    const PathRecord &r = record(state);
    return r.constant() ? kConstantRow | s_.path_states[r.base()].alike : r.base();
  }

  [[nodiscard]] std::vector<uint32_t> grouped() const {
    std::vector<uint32_t> order(s_.path_states.size());
    std::iota(order.begin(), order.end(), 0);
    const auto key = [&](uint32_t state) {
      const PathRecord &r = record(state);
      return std::tuple(r.alike, base_key(state), r.exception_count, state);
    };
    std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return key(a) < key(b); });
    return order;
  }

  void expand(uint32_t state, std::vector<uint32_t> &numbers) const {
    numbers.resize(s_.header->component_classes);
    for (uint32_t c = 0; c < numbers.size(); ++c) numbers[c] = alike(s_.base_step(record(state), c));
    const auto symbols = s_.symbols_of(record(state));
    const auto steps = s_.steps_of(record(state));
    for (size_t i = 0; i < symbols.size(); ++i) numbers[symbols[i]] = alike(steps[i]);
  }

  // REQUIRES: a and b have one base key.
  [[nodiscard]] bool same_exceptions(uint32_t a, uint32_t b) const {
    const auto a_symbols = s_.symbols_of(record(a));
    const auto b_symbols = s_.symbols_of(record(b));
    const auto a_steps = s_.steps_of(record(a));
    const auto b_steps = s_.steps_of(record(b));
    size_t i = 0;
    size_t j = 0;
    while (i < a_symbols.size() || j < b_symbols.size()) {
      const bool from_a = j == b_symbols.size() || (i < a_symbols.size() && a_symbols[i] <= b_symbols[j]);
      const bool from_b = i == a_symbols.size() || (j < b_symbols.size() && b_symbols[j] <= a_symbols[i]);
      const uint32_t symbol = from_a ? a_symbols[i] : b_symbols[j];
      const Step a_step = from_a ? a_steps[i++] : s_.base_step(record(a), symbol);
      const Step b_step = from_b ? b_steps[j++] : s_.base_step(record(b), symbol);
      if (alike(a_step) != alike(b_step)) return false;
    }
    return true;
  }

  [[nodiscard]] static CheckResult differ(uint32_t a, uint32_t b) {
    return fail("alike", "states ", a, " and ", b, " have one alike number and differ below");
  }

  const Sections &s_;
  uint64_t work_left_;
  std::vector<uint32_t> numbers_of_first_;
  std::vector<uint32_t> numbers_;
};

}  // namespace

CheckResult check_alike(const Sections &s, const DecodeLimits &limits) {
  uint32_t next = 0;
  for (size_t state = 0; state < s.path_states.size(); ++state) {
    const uint32_t number = s.path_states[state].alike;
    if (number > next) {
      return fail("alike-number", "state ", state, " has alike number ", number, " where ", next,
                  " is the next free one");
    }
    if (number == next) ++next;
  }
  return Congruence(s, limits).check();
}

}  // namespace agentfense::table
