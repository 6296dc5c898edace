// Sections: typed views of the parts of one .aft buffer. Internal to compiler/table.
//
// Made by check_sections.cc, which vouches for bounds, alignment and record sizes only; what the
// records say is checked by the other check_*.cc files. Read by those and by walk.cc, table.cc.
// Ownership: none, everything points into the buffer.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "compiler/table/format.h"
#include "compiler/table/table.h"

namespace agentfense::table {

struct Sections {
  const Header *header = nullptr;
  std::span<const uint8_t> byte_class;
  std::span<const ClassifierRecord> classifier_states;
  std::span<const uint32_t> classifier_rows;
  std::span<const uint32_t> classifier_exceptions;  // of the records that hold none themselves
  std::span<const PathRecord> path_states;
  std::span<const Step> path_rows;
  std::span<const uint32_t> path_exception_symbols;
  std::span<const Step> path_exception_steps;
  std::span<const uint32_t> label_starts;  // one more than labels
  std::span<const SlotUpdate> label_updates;
  std::span<const RuleRecord> rules;
  std::span<const uint32_t> string_starts;  // one more than strings
  std::span<const char> string_bytes;

  [[nodiscard]] size_t labels() const { return label_starts.size() - 1; }
  [[nodiscard]] size_t classifier_row_count() const { return classifier_rows.size() / header->byte_classes; }
  [[nodiscard]] size_t path_row_count() const { return path_rows.size() / header->component_classes; }

  // The functions below trust what they read: only after the checks of the part that they touch.

  [[nodiscard]] std::span<const uint32_t> exceptions_of(const ClassifierRecord &record) const {
    if (record.listed()) return classifier_exceptions.subspan(record.exceptions[0], record.exceptions[1]);
    return std::span(record.exceptions).first(record.exception_count());
  }
  // What the row says where no exception does.
  [[nodiscard]] uint32_t base_target(const ClassifierRecord &record, uint32_t symbol) const {
    if (record.constant()) return record.base();
    return classifier_rows[size_t{record.base()} * header->byte_classes + symbol];
  }
  [[nodiscard]] std::span<const uint32_t> symbols_of(const PathRecord &record) const {
    return path_exception_symbols.subspan(record.exception_begin, record.exception_count);
  }
  [[nodiscard]] std::span<const Step> steps_of(const PathRecord &record) const {
    return path_exception_steps.subspan(record.exception_begin, record.exception_count);
  }
  [[nodiscard]] Step base_step(const PathRecord &record, uint32_t symbol) const {
    if (record.constant()) return {record.base(), 0};
    return path_rows[size_t{record.base()} * header->component_classes + symbol];
  }
  [[nodiscard]] std::span<const SlotUpdate> updates_of(uint32_t label) const {
    return label_updates.subspan(label_starts[label], label_starts[label + 1] - label_starts[label]);
  }
  [[nodiscard]] std::string_view string(size_t index) const {
    const uint32_t begin = string_starts[index];
    return {string_bytes.data() + begin, string_starts[index + 1] - begin};
  }
};

struct AlignedDelete {
  void operator()(std::byte *buffer) const;
};
using AlignedBuffer = std::unique_ptr<std::byte[], AlignedDelete>;

// A copy that starts at a cache line.
[[nodiscard]] AlignedBuffer aligned_copy(std::span<const std::byte> bytes);

struct Table::Layout {
  AlignedBuffer buffer;
  size_t size = 0;
  std::array<uint8_t, kDigestSize> file_digest{};
  Sections sections;
};

}  // namespace agentfense::table
