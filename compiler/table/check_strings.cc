#include <algorithm>
#include <functional>

#include "compiler/table/checks.h"

namespace agentfense::table {
namespace {

// Starts of lists that stand end to end in `size` elements: 0, then never less, then `size`.
CheckResult check_starts(std::string_view check, std::span<const uint32_t> starts, size_t size) {
  if (starts.front() != 0) return fail(check, "the first start is ", starts.front(), " instead of 0");
  const auto drop = std::adjacent_find(starts.begin(), starts.end(), std::greater<>());
  if (drop != starts.end()) {
    return fail(check, "start ", drop - starts.begin() + 1, " is less than the one before it");
  }
  if (starts.back() != size) return fail(check, "the last start is ", starts.back(), " instead of ", size);
  return std::nullopt;
}

}  // namespace

CheckResult check_strings(const Sections &s) {
  if (auto f = check_starts("string-start", s.string_starts, s.string_bytes.size())) return f;
  for (size_t i = 0; i < s.string_bytes.size(); ++i) {
    const auto byte = static_cast<unsigned char>(s.string_bytes[i]);
    if (is_control(byte)) return fail("string-byte", "byte ", i, " of the strings is control byte ", +byte);
  }
  for (size_t i = 0; i < s.rules.size(); ++i) {
    if ((s.rules[i].flags & ~RuleRecord::kKnownFlags) != 0) {
      return fail("rule-flags", "rule ", i, " has unknown flags in ", s.rules[i].flags);
    }
    if (s.rules[i].file >= s.header->files) {
      return fail("rule-file", "rule ", i, " is in file ", s.rules[i].file, " of ", s.header->files);
    }
  }
  return std::nullopt;
}

CheckResult check_labels(const Sections &s) {
  if (auto f = check_starts("label-start", s.label_starts, s.label_updates.size())) return f;
  if (s.label_starts[1] != 0)
    return fail("label-empty", "label 0 has ", s.label_starts[1], " updates, not none");
  for (uint32_t label = 0; label < s.labels(); ++label) {
    const auto updates = s.updates_of(label);
    for (size_t i = 0; i < updates.size(); ++i) {
      if (updates[i].slot >= s.header->slots) {
        return fail("label-slot", "label ", label, " writes slot ", updates[i].slot, " of ", s.header->slots);
      }
      if (i > 0 && updates[i].slot <= updates[i - 1].slot) {
        return fail("label-order", "label ", label, " writes slot ", updates[i].slot, " after slot ",
                    updates[i - 1].slot);
      }
      if (updates[i].rule != kNoRule && updates[i].rule >= s.rules.size()) {
        return fail("label-rule", "label ", label, " names rule ", updates[i].rule, " of ", s.rules.size());
      }
    }
  }
  if (s.header->start_label >= s.labels()) {
    return fail("start-label", "the start label is ", s.header->start_label, " of ", s.labels());
  }
  return std::nullopt;
}

}  // namespace agentfense::table
