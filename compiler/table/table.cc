#include "compiler/table/table.h"

#include <cstring>
#include <new>

#include "compiler/table/sections.h"

namespace agentfense::table {
namespace {

constexpr std::align_val_t kCacheLine{64};

}  // namespace

void AlignedDelete::operator()(std::byte *buffer) const { ::operator delete[](buffer, kCacheLine); }

AlignedBuffer aligned_copy(std::span<const std::byte> bytes) {
  AlignedBuffer buffer(static_cast<std::byte *>(::operator new[](bytes.size(), kCacheLine)));
  std::memcpy(buffer.get(), bytes.data(), bytes.size());
  return buffer;
}

Table::Table(std::unique_ptr<Layout> layout) : layout_(std::move(layout)) {}
Table::Table(Table &&) noexcept = default;
Table &Table::operator=(Table &&) noexcept = default;
Table::~Table() = default;

StateInfo Table::info(StateId s) const {
  const PathRecord &record = layout_->sections.path_states[s];
  return {record.level(), record.has(PathRecord::kVisibleBelow),  record.has(PathRecord::kUniformBelow),
          record.below(), record.has(PathRecord::kWritableChild), record.alike};
}

uint32_t Table::state_count() const { return static_cast<uint32_t>(layout_->sections.path_states.size()); }
uint32_t Table::class_count() const { return layout_->sections.header->component_classes; }
uint32_t Table::rule_count() const { return static_cast<uint32_t>(layout_->sections.rules.size()); }

RuleView Table::rule(uint32_t index) const {
  const Sections &sections = layout_->sections;
  const RuleRecord &record = sections.rules[index];
  const uint64_t files = sections.header->files;
  return {
      (record.flags & RuleRecord::kLimit) != 0,   static_cast<Level>(record.flags & RuleRecord::kLevelMask),
      sections.string(file_string(record.file)),  record.line,
      sections.string(text_string(files, index)), sections.string(reason_string(files, index))};
}

std::string_view Table::policy() const { return layout_->sections.string(0); }

const std::array<uint8_t, 32> &Table::source_digest() const {
  return layout_->sections.header->source_digest;
}

const std::array<uint8_t, 32> &Table::file_digest() const { return layout_->file_digest; }

size_t Table::byte_size() const { return layout_->size; }

}  // namespace agentfense::table
