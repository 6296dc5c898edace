#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

#include "compiler/table/checks.h"

namespace agentfense::table {
namespace {

CheckResult check_step(const Sections &s, const Step &step, std::string_view where, size_t index) {
  if (step.target >= s.path_states.size()) {
    return fail("path-target", where, index, " leads to state ", step.target, " of ", s.path_states.size());
  }
  if (step.label >= s.labels()) {
    return fail("path-label", where, index, " has label ", step.label, " of ", s.labels());
  }
  return std::nullopt;
}

CheckResult check_symbols(const Sections &s, size_t state) {
  const auto symbols = s.symbols_of(s.path_states[state]);
  for (size_t i = 0; i < symbols.size(); ++i) {
    if (symbols[i] >= s.header->component_classes) {
      return fail("path-symbol", "state ", state, " has an exception for class ", symbols[i], " of ",
                  s.header->component_classes);
    }
    if (i > 0 && symbols[i] <= symbols[i - 1]) {
      return fail("path-order", "state ", state, " has its exception for class ", symbols[i],
                  " after the one for ", symbols[i - 1]);
    }
  }
  return std::nullopt;
}

CheckResult check_record(const Sections &s, size_t state, uint64_t used) {
  const PathRecord &record = s.path_states[state];
  if ((record.flags & ~PathRecord::kKnownFlags) != 0) {
    return fail("path-flags", "state ", state, " has unknown flags in ", record.flags);
  }
  if (!record.has(PathRecord::kUniformBelow) && record.below() != Level::none) {
    return fail("path-flags", "state ", state, " is not uniform and names a level below it");
  }
  if (record.deciding_slot >= s.header->slots) {
    return fail("path-slot", "state ", state, " names slot ", record.deciding_slot, " of ", s.header->slots);
  }
  if (!record.constant() && record.base() >= s.path_row_count()) {
    return fail("path-row", "state ", state, " uses base row ", record.base(), " of ", s.path_row_count());
  }
  if (record.constant() && record.base() >= s.path_states.size()) {
    return fail("path-target", "the constant row of state ", state, " leads to state ", record.base(), " of ",
                s.path_states.size());
  }
  const size_t exceptions = s.path_exception_symbols.size();
  if (record.exception_begin != used || record.exception_count > exceptions - used) {
    return fail("path-exceptions", "the ", record.exception_count, " exceptions of state ", state,
                " start at ", record.exception_begin, " instead of ", used, ", or there are only ",
                exceptions);
  }
  return check_symbols(s, state);
}

// What a target counts for in the claims of the states that lead to it.
constexpr size_t kMixed = 4;  // not uniform, or uniform at another level than its own
size_t uniform_kind(const PathRecord &target) {
  const bool uniform = target.has(PathRecord::kUniformBelow) && target.below() == target.level();
  return uniform ? static_cast<size_t>(target.level()) : kMixed;
}

struct Census {
  std::array<int64_t, kMixed + 1> kinds{};
  int64_t writable = 0;

  void add(const PathRecord &target, int64_t n) {
    kinds[uniform_kind(target)] += n;
    if (target.level() == Level::write) writable += n;
  }
};

// A census of each base row, corrected by the exceptions of each state.
CheckResult check_successors(const Sections &s) {
  const size_t width = s.header->component_classes;
  const auto all = static_cast<int64_t>(width);
  std::vector<Census> rows(s.path_row_count());
  std::vector<bool> constant(rows.size(), true);
  for (size_t i = 0; i < s.path_rows.size(); ++i) {
    const size_t row = i / width;
    rows[row].add(s.path_states[s.path_rows[i].target], 1);
    if (s.path_rows[i].target != s.path_rows[row * width].target) constant[row] = false;
  }
  for (size_t state = 0; state < s.path_states.size(); ++state) {
    const PathRecord &record = s.path_states[state];
    Census census;
    if (record.constant()) {
      census.add(s.path_states[record.base()], all);
    } else {
      census = rows[record.base()];
    }
    const auto symbols = s.symbols_of(record);
    const auto steps = s.steps_of(record);
    for (size_t i = 0; i < symbols.size(); ++i) {
      census.add(s.path_states[s.base_step(record, symbols[i]).target], -1);
      census.add(s.path_states[steps[i].target], 1);
    }
    if (record.has(PathRecord::kUniformBelow) && census.kinds[static_cast<size_t>(record.below())] != all) {
      return fail("path-uniform", "state ", state, " claims level ", static_cast<int>(record.below()),
                  " for all below, and some successor differs");
    }
    if (record.has(PathRecord::kWritableChild) != (census.writable > 0)) {
      return fail("path-writable", "state ", state, " claims ",
                  record.has(PathRecord::kWritableChild) ? "a" : "no", " writable child, and has ",
                  census.writable);
    }
    const bool one = symbols.empty() && (record.constant() || constant[record.base()]);
    if (record.has(PathRecord::kOneSuccessor) != one) {
      return fail("path-one-successor", "state ", state, one ? " hides" : " claims",
                  " that every name leads to one state");
    }
  }
  return std::nullopt;
}

// Lists by key, one after another: `lists[starts[k] .. starts[k + 1])` for key k.
struct Lists {
  std::vector<uint32_t> starts;
  std::vector<uint32_t> lists;

  // `each(add)` calls add(key, item) for all items, and does so twice.
  template <typename Each>
  Lists(size_t keys, const Each &each) : starts(keys + 1) {
    each([&](uint32_t key, uint32_t) { ++starts[key]; });
    std::partial_sum(starts.begin(), starts.end(), starts.begin());
    lists.resize(starts.back());
    // From the ends back to the starts, which are then what they should be.
    each([&](uint32_t key, uint32_t item) { lists[--starts[key]] = item; });
  }
  [[nodiscard]] std::span<const uint32_t> of(size_t key) const {
    return std::span(lists).subspan(starts[key], starts[key + 1] - starts[key]);
  }
};

// Which states have something visible below them, by going back from the visible ones. Asking each
// state about its successors would not do: a ring of states could then vouch for one another.
//
// A constant row is one more successor, unless exceptions speak for every class. A dense base row keeps
// the states that use it and show nothing yet. When an entry of the row turns out
// to lead to something visible, they all show it, but for those with an exception there: these stay,
// and the exception pays for having looked at them.
class Visibility {
 public:
  explicit Visibility(const Sections &sections)
      : s_(sections),
        entries_(s_.path_states.size(),
                 [&](const auto &add) {
                   for (uint32_t i = 0; i < s_.path_rows.size(); ++i) add(s_.path_rows[i].target, i);
                 }),
        owners_(s_.path_states.size(),
                [&](const auto &add) {
                  for (uint32_t i = 0; i < s_.path_states.size(); ++i) {
                    const PathRecord &record = s_.path_states[i];
                    for (const Step &step : s_.steps_of(record)) add(step.target, i);
                    const bool all_excepted = record.exception_count == s_.header->component_classes;
                    if (record.constant() && !all_excepted) add(record.base(), i);
                  }
                }),
        users_(s_.path_row_count(),
               [&](const auto &add) {
                 for (uint32_t i = 0; i < s_.path_states.size(); ++i) {
                   if (!s_.path_states[i].constant()) add(s_.path_states[i].base(), i);
                 }
               }),
        waiting_(s_.path_row_count()),
        visible_below_(s_.path_states.size()),
        queued_(s_.path_states.size()) {
    for (size_t row = 0; row < waiting_.size(); ++row)
      waiting_[row] = static_cast<uint32_t>(users_.of(row).size());
  }

  [[nodiscard]] const std::vector<bool> &run() {
    for (uint32_t state = 0; state < s_.path_states.size(); ++state) {
      if (s_.path_states[state].level() > Level::none) enqueue(state);
    }
    while (!queue_.empty()) {
      const uint32_t target = queue_.back();
      queue_.pop_back();
      for (const uint32_t owner : owners_.of(target)) mark(owner);
      for (const uint32_t entry : entries_.of(target)) show_entry(entry);
    }
    return visible_below_;
  }

 private:
  void enqueue(uint32_t state) {
    if (queued_[state]) return;
    queued_[state] = true;
    queue_.push_back(state);
  }
  void mark(uint32_t state) {
    visible_below_[state] = true;
    enqueue(state);
  }
  void show_entry(uint32_t entry) {
    const uint32_t width = s_.header->component_classes;
    const uint32_t row = entry / width;
    if (waiting_[row] == 0) return;
    const uint32_t symbol = entry % width;
    const auto users = std::span(users_.lists).subspan(users_.starts[row], waiting_[row]);
    const auto stay = std::partition(users.begin(), users.end(), [&](uint32_t state) {
      const auto symbols = s_.symbols_of(s_.path_states[state]);
      return std::binary_search(symbols.begin(), symbols.end(), symbol);
    });
    for (auto state = stay; state != users.end(); ++state) mark(*state);
    waiting_[row] = static_cast<uint32_t>(stay - users.begin());
  }

  const Sections &s_;
  Lists entries_;  // by target: indexes into the base rows
  Lists owners_;   // by target: states with an exception or a constant row that leads there
  Lists users_;    // by dense base row; the first waiting_[row] states of each list still wait
  std::vector<uint32_t> waiting_;
  std::vector<bool> visible_below_;
  std::vector<bool> queued_;
  std::vector<uint32_t> queue_;
};

CheckResult check_visible_below(const Sections &s) {
  Visibility visibility(s);
  const std::vector<bool> &visible = visibility.run();
  for (size_t state = 0; state < visible.size(); ++state) {
    const bool claimed = s.path_states[state].has(PathRecord::kVisibleBelow);
    if (claimed != visible[state]) {
      return fail("path-visible", "state ", state, " claims that ", claimed ? "something" : "nothing",
                  " below it is visible, and that is not so");
    }
  }
  return std::nullopt;
}

}  // namespace

CheckResult check_path_rows(const Sections &s) {
  for (size_t i = 0; i < s.path_rows.size(); ++i) {
    if (auto f = check_step(s, s.path_rows[i], "base row entry ", i)) return f;
  }
  for (size_t i = 0; i < s.path_exception_steps.size(); ++i) {
    if (auto f = check_step(s, s.path_exception_steps[i], "exception ", i)) return f;
  }
  uint64_t used = 0;
  for (size_t state = 0; state < s.path_states.size(); ++state) {
    if (auto f = check_record(s, state, used)) return f;
    used += s.path_states[state].exception_count;
  }
  if (used != s.path_exception_symbols.size()) {
    return fail("path-exceptions", "the states use ", used, " of ", s.path_exception_symbols.size(),
                " exceptions");
  }
  return std::nullopt;
}

CheckResult check_path_claims(const Sections &s) {
  if (auto f = check_successors(s)) return f;
  return check_visible_below(s);
}

}  // namespace agentfense::table
