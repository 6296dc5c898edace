// The records of a .aft file, byte for byte. FORMAT.md explains them; encode.cc writes them, the
// check_*.cc files verify them, walk.cc reads them in place. Internal to compiler/table.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "compiler/table/image.h"

namespace agentfense::table {

// The file is used in place, so it has the byte order of the hosts that we build for.
static_assert(std::endian::native == std::endian::little, "a .aft file is little-endian");

// As in PNG: the first byte is not ASCII and the line ends show a transfer in text mode.
inline constexpr std::array<uint8_t, 8> kMagic = {0x89, 'A', 'F', 'T', '\r', '\n', 0x1a, '\n'};
inline constexpr uint32_t kVersion = 1;

inline constexpr uint32_t kAlignment = 16;  // of every section, and of the digest
inline constexpr uint32_t kDigestSize = 32;

inline constexpr uint32_t kMaxSections = 64;
inline constexpr uint32_t kMaxByteClasses = 256;
inline constexpr uint32_t kMaxClassifierStates = 1u << 24;
inline constexpr uint32_t kMaxSlots = 1u << 20;

enum SectionId : uint32_t {
  kByteClassSection = 1,
  kClassifierStateSection,
  kClassifierRowSection,
  kClassifierExceptionSection,
  kPathStateSection,
  kPathRowSection,
  kPathExceptionSymbolSection,
  kPathExceptionStepSection,
  kLabelStartSection,
  kLabelUpdateSection,
  kRuleSection,
  kStringStartSection,
  kStringByteSection,
};
inline constexpr uint32_t kSections = kStringByteSection;

// A section whose id has this bit may be skipped by a reader that does not know it.
inline constexpr uint32_t kOptionalSection = 1u << 31;

struct Header {
  std::array<uint8_t, 8> magic;
  uint32_t version;
  uint32_t file_size;
  uint32_t section_count;
  uint32_t byte_classes;
  uint32_t component_classes;
  uint32_t slots;
  uint32_t start_label;
  uint32_t files;
  uint32_t rules;
  uint32_t reserved;
  std::array<uint8_t, 32> source_digest;
};
static_assert(sizeof(Header) == 80 && sizeof(Header) % kAlignment == 0);

struct SectionEntry {
  uint32_t id;
  uint32_t offset;  // from the start of the file
  uint32_t size;    // in bytes, without padding
  uint32_t reserved;
};
static_assert(sizeof(SectionEntry) == 16);

// Four to a cache line, and up to two exceptions in the record itself: in the tries that literal
// names make, a step of classify() then touches one line.
struct ClassifierRecord {
  static constexpr uint32_t kInline = 2;
  static constexpr uint32_t kListed = 3;  // in place of the count: the exceptions stand in section 4
  static constexpr uint32_t kCountMask = 3;
  static constexpr uint32_t kConstant = 1u << 2;
  static constexpr uint32_t kBaseShift = 8;
  static constexpr uint32_t kUnusedBits = 0xf8;

  uint32_t row;  // base << kBaseShift | kConstant? | count
  uint32_t component_class;
  std::array<uint32_t, kInline> exceptions;  // packed, the rest 0; where listed {first, count}

  [[nodiscard]] bool listed() const { return (row & kCountMask) == kListed; }
  [[nodiscard]] uint32_t exception_count() const { return listed() ? exceptions[1] : row & kCountMask; }
  [[nodiscard]] bool constant() const { return (row & kConstant) != 0; }
  // A base row, or where constant() the target that it would hold throughout.
  [[nodiscard]] uint32_t base() const { return row >> kBaseShift; }
};
static_assert(sizeof(ClassifierRecord) == 16);

// A classifier exception: the byte class above the 24 bits of the target, so that the order of the
// packed words is the order of the symbols.
inline constexpr uint32_t kTargetBits = 24;
[[nodiscard]] constexpr uint32_t packed_symbol(uint32_t packed) { return packed >> kTargetBits; }
[[nodiscard]] constexpr uint32_t packed_target(uint32_t packed) { return packed & ((1u << kTargetBits) - 1); }

struct PathRecord {
  uint32_t base_row;  // as in RowRef
  uint32_t exception_begin;
  uint32_t exception_count;
  uint32_t flags;
  uint32_t alike;
  uint32_t deciding_slot;

  static constexpr uint32_t kLevelMask = 3;
  static constexpr uint32_t kBelowShift = 2;
  static constexpr uint32_t kVisibleBelow = 1u << 4;
  static constexpr uint32_t kUniformBelow = 1u << 5;
  static constexpr uint32_t kWritableChild = 1u << 6;
  static constexpr uint32_t kOneSuccessor = 1u << 7;  // every name leads to the same state
  static constexpr uint32_t kKnownFlags = (1u << 8) - 1;

  [[nodiscard]] bool constant() const { return (base_row & kConstantRow) != 0; }
  // A base row, or where constant() the target that it would hold throughout.
  [[nodiscard]] uint32_t base() const { return base_row & ~kConstantRow; }
  [[nodiscard]] Level level() const { return static_cast<Level>(flags & kLevelMask); }
  [[nodiscard]] Level below() const { return static_cast<Level>((flags >> kBelowShift) & kLevelMask); }
  [[nodiscard]] bool has(uint32_t flag) const { return (flags & flag) != 0; }
};
static_assert(sizeof(PathRecord) == 24);

static_assert(sizeof(Step) == 8 && offsetof(Step, label) == 4);
static_assert(sizeof(SlotUpdate) == 8 && offsetof(SlotUpdate, rule) == 4);

struct RuleRecord {
  uint32_t flags;
  uint32_t file;
  uint32_t line;

  static constexpr uint32_t kLevelMask = 3;
  static constexpr uint32_t kLimit = 1u << 2;
  static constexpr uint32_t kKnownFlags = (1u << 3) - 1;
};
static_assert(sizeof(RuleRecord) == 12);

// Strings stand end to end: the policy's name, the files, then text and reason of each rule.
[[nodiscard]] constexpr uint64_t string_count(uint64_t files, uint64_t rules) {
  return 1 + files + 2 * rules;
}
[[nodiscard]] constexpr uint64_t file_string(uint64_t file) { return 1 + file; }
[[nodiscard]] constexpr uint64_t text_string(uint64_t files, uint64_t rule) { return 1 + files + 2 * rule; }
[[nodiscard]] constexpr uint64_t reason_string(uint64_t files, uint64_t rule) { return 2 + files + 2 * rule; }

[[nodiscard]] constexpr bool is_control(unsigned char byte) { return byte < 0x20 || byte == 0x7f; }

[[nodiscard]] constexpr uint64_t align_up(uint64_t n) {
  return (n + kAlignment - 1) & ~uint64_t{kAlignment - 1};
}

}  // namespace agentfense::table
