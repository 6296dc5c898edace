#include <algorithm>
#include <numeric>
#include <vector>

#include "compiler/table/checks.h"

namespace agentfense::table {
namespace {

CheckResult check_byte_classes(const Sections &s) {
  for (size_t byte = 0; byte < s.byte_class.size(); ++byte) {
    const bool in_names = byte != 0 && byte != '/';
    if (s.byte_class[byte] >= s.header->byte_classes || (!in_names && s.byte_class[byte] != 0)) {
      return fail("byte-class", "byte ", byte, " is in class ", +s.byte_class[byte], " of ",
                  s.header->byte_classes, in_names ? "" : ", though no name holds it");
    }
  }
  return std::nullopt;
}

CheckResult check_exceptions(const Sections &s, size_t state) {
  const auto exceptions = s.exceptions_of(s.classifier_states[state]);
  for (size_t i = 0; i < exceptions.size(); ++i) {
    const uint32_t symbol = packed_symbol(exceptions[i]);
    if (symbol >= s.header->byte_classes) {
      return fail("classifier-symbol", "classifier state ", state, " has an exception for byte class ",
                  symbol, " of ", s.header->byte_classes);
    }
    if (i > 0 && symbol <= packed_symbol(exceptions[i - 1])) {
      return fail("classifier-order", "classifier state ", state, " has its exception for byte class ",
                  symbol, " after the one for ", packed_symbol(exceptions[i - 1]));
    }
    if (packed_target(exceptions[i]) >= s.classifier_states.size()) {
      return fail("classifier-target", "an exception of classifier state ", state, " leads to state ",
                  packed_target(exceptions[i]), " of ", s.classifier_states.size());
    }
  }
  return std::nullopt;
}

CheckResult check_base(const Sections &s, size_t state) {
  const ClassifierRecord &record = s.classifier_states[state];
  if (!record.constant() && record.base() >= s.classifier_row_count()) {
    return fail("classifier-row", "classifier state ", state, " uses base row ", record.base(), " of ",
                s.classifier_row_count());
  }
  if (record.constant() && record.base() >= s.classifier_states.size()) {
    return fail("classifier-target", "the constant row of classifier state ", state, " leads to state ",
                record.base(), " of ", s.classifier_states.size());
  }
  return std::nullopt;
}

// Where the exceptions of a state stand; `used` of those in section 4 belong to states before it.
CheckResult check_listing(const Sections &s, size_t state, uint64_t used) {
  const ClassifierRecord &record = s.classifier_states[state];
  const auto unused = std::span(record.exceptions).subspan(record.listed() ? 2 : record.exception_count());
  if ((record.row & ClassifierRecord::kUnusedBits) != 0 ||
      std::any_of(unused.begin(), unused.end(), [](uint32_t word) { return word != 0; })) {
    return fail("classifier-unused", "classifier state ", state, " has bits set that mean nothing");
  }
  if (!record.listed()) return std::nullopt;
  const uint32_t count = record.exception_count();
  if (record.exceptions[0] != used || count <= ClassifierRecord::kInline ||
      count > s.classifier_exceptions.size() - used) {
    return fail("classifier-exceptions", "the ", count, " exceptions of classifier state ", state,
                " start at ", record.exceptions[0], " instead of ", used,
                ", or are too few or too many for a list in ", s.classifier_exceptions.size());
  }
  return std::nullopt;
}

CheckResult check_states(const Sections &s) {
  uint64_t used = 0;
  for (size_t state = 0; state < s.classifier_states.size(); ++state) {
    const ClassifierRecord &record = s.classifier_states[state];
    if (record.component_class >= s.header->component_classes) {
      return fail("component-class", "classifier state ", state, " ends in class ", record.component_class,
                  " of ", s.header->component_classes);
    }
    if (auto f = check_base(s, state)) return f;
    if (auto f = check_listing(s, state, used)) return f;
    if (record.listed()) used += record.exception_count();
    if (auto f = check_exceptions(s, state)) return f;
  }
  if (used != s.classifier_exceptions.size()) {
    return fail("classifier-exceptions", "the states use ", used, " of ", s.classifier_exceptions.size(),
                " exceptions");
  }
  return std::nullopt;
}

// Which classifier states some name of one or more bytes leads to.
//
// Visiting every state times every byte class would be quadratic in spirit: most states share one
// dense row. So each base row keeps the byte classes that no visited state has used yet. A visit
// either uses one up, for good, or keeps it because the state has an exception for it: both are
// paid for by something that is in the file.
class NameReach {
 public:
  explicit NameReach(const Sections &sections)
      : s_(sections), reached_(sections.classifier_states.size()), unused_(sections.classifier_row_count()) {
    std::vector<bool> live(s_.header->byte_classes);
    for (size_t byte = 1; byte < s_.byte_class.size(); ++byte) {
      if (byte != '/') live[s_.byte_class[byte]] = true;
    }
    for (uint32_t symbol = 0; symbol < live.size(); ++symbol) {
      if (live[symbol]) live_.push_back(symbol);
    }
    is_live_ = std::move(live);
    started_.resize(unused_.size());
  }

  [[nodiscard]] const std::vector<bool> &run() {
    expand(0);
    while (!queue_.empty()) {
      const uint32_t state = queue_.back();
      queue_.pop_back();
      expand(state);
    }
    return reached_;
  }

 private:
  void reach(uint32_t state) {
    if (reached_[state]) return;
    reached_[state] = true;
    queue_.push_back(state);
  }

  void expand(uint32_t state) {
    const ClassifierRecord &record = s_.classifier_states[state];
    const auto exceptions = s_.exceptions_of(record);
    for (const uint32_t packed : exceptions) {
      if (is_live_[packed_symbol(packed)]) reach(packed_target(packed));
    }
    if (record.constant()) {
      const auto excepted = std::count_if(exceptions.begin(), exceptions.end(),
                                          [&](uint32_t packed) { return is_live_[packed_symbol(packed)]; });
      if (static_cast<size_t>(excepted) < live_.size()) reach(record.base());
      return;
    }
    std::vector<uint32_t> &unused = unused_[record.base()];
    if (!started_[record.base()]) {
      started_[record.base()] = true;
      unused = live_;
    }
    auto exception = exceptions.begin();
    std::erase_if(unused, [&](uint32_t symbol) {
      while (exception != exceptions.end() && packed_symbol(*exception) < symbol) ++exception;
      if (exception != exceptions.end() && packed_symbol(*exception) == symbol) return false;
      reach(s_.base_target(record, symbol));
      return true;
    });
  }

  const Sections &s_;
  std::vector<uint32_t> live_;  // byte classes of bytes that names hold, ascending
  std::vector<bool> is_live_;
  std::vector<bool> reached_;
  std::vector<uint32_t> queue_;
  std::vector<bool> started_;                  // by base row
  std::vector<std::vector<uint32_t>> unused_;  // by base row, ascending, once started
};

CheckResult check_classes_have_names(const Sections &s) {
  const std::vector<bool> reached = NameReach(s).run();
  std::vector<bool> named(s.header->component_classes);
  for (size_t state = 0; state < reached.size(); ++state) {
    if (reached[state]) named[s.classifier_states[state].component_class] = true;
  }
  const auto nameless = std::find(named.begin(), named.end(), false);
  if (nameless == named.end()) return std::nullopt;
  return fail("class-without-name", "no name is in component class ", nameless - named.begin());
}

}  // namespace

CheckResult check_classifier(const Sections &s) {
  if (auto f = check_byte_classes(s)) return f;
  if (s.header->component_classes > s.classifier_states.size()) {
    return fail("class-without-name", "there are ", s.header->component_classes,
                " component classes and only ", s.classifier_states.size(),
                " classifier states to end in one");
  }
  const auto target = std::find_if(s.classifier_rows.begin(), s.classifier_rows.end(),
                                   [&](uint32_t t) { return t >= s.classifier_states.size(); });
  if (target != s.classifier_rows.end()) {
    return fail("classifier-target", "classifier base row ",
                (target - s.classifier_rows.begin()) / s.header->byte_classes, " leads to state ", *target,
                " of ", s.classifier_states.size());
  }
  if (auto f = check_states(s)) return f;
  return check_classes_have_names(s);
}

}  // namespace agentfense::table
