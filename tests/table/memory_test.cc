// decode() never allocates by a count that it has not checked: this program counts every allocation.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <new>

#include "compiler/table/encode.h"
#include "tests/table/sample_tables.h"
#include "tests/table/table_bytes.h"

namespace {

// Of one thread, between reset_peak() and the look at it.
size_t live = 0;
size_t peak = 0;

// Each block carries its size in front, in a whole unit of alignment.
constexpr size_t kFront = 64;

void *allocate(size_t size) {
  void *const block = std::aligned_alloc(kFront, (size + 2 * kFront - 1) / kFront * kFront);
  if (block == nullptr) std::abort();
  *static_cast<size_t *>(block) = size;
  live += size;
  peak = std::max(peak, live);
  return static_cast<char *>(block) + kFront;
}

void release(void *pointer) {
  if (pointer == nullptr) return;
  void *const block = static_cast<char *>(pointer) - kFront;
  live -= *static_cast<size_t *>(block);
  std::free(block);
}

}  // namespace

void *operator new(size_t size) { return allocate(size); }
void *operator new[](size_t size) { return allocate(size); }
void *operator new(size_t size, std::align_val_t) { return allocate(size); }
void *operator new[](size_t size, std::align_val_t) { return allocate(size); }
void *operator new(size_t size, const std::nothrow_t &) noexcept { return allocate(size); }
void *operator new[](size_t size, const std::nothrow_t &) noexcept { return allocate(size); }
void operator delete(void *pointer) noexcept { release(pointer); }
void operator delete[](void *pointer) noexcept { release(pointer); }
void operator delete(void *pointer, size_t) noexcept { release(pointer); }
void operator delete[](void *pointer, size_t) noexcept { release(pointer); }
void operator delete(void *pointer, std::align_val_t) noexcept { release(pointer); }
void operator delete[](void *pointer, std::align_val_t) noexcept { release(pointer); }
void operator delete(void *pointer, size_t, std::align_val_t) noexcept { release(pointer); }
void operator delete[](void *pointer, size_t, std::align_val_t) noexcept { release(pointer); }

namespace agentfense::table {
namespace {

// The most that decode() held at any time, and the check that refused the bytes, if one did.
struct Use {
  size_t bytes;
  std::string check;
};

Use decode_use(const Bytes &bytes) {
  const size_t before = live;
  peak = live;
  const auto result = decode(bytes);
  const size_t held = peak - before;
  const auto *error = std::get_if<DecodeError>(&result);
  return {held, error != nullptr ? error->check : ""};
}

// Messages, the layout object, small vectors.
constexpr size_t kConstant = 4096;

TEST(Memory, TheCounterCounts) {
  const size_t before = live;
  peak = live;
  { std::vector<char> block(100000); }
  EXPECT_EQ(live, before);
  EXPECT_GE(peak - before, 100000u);
}

TEST(Memory, HugeWordsInHeaderAndSectionTableTakeNoMemory) {
  const Bytes plain = encode(sample_image());
  const size_t words = (sizeof(Header) + kSections * sizeof(SectionEntry)) / 4;
  for (size_t word = 0; word < words; ++word) {
    for (const uint32_t value :
         {0xffffffffu, 0xfffffff0u, 0x80000000u, 0x7fffffffu, 0x10000000u, 0x00ffffffu}) {
      Bytes bytes = plain;
      write_at(bytes, 4 * word, value);
      reseal(bytes);
      const Use use = decode_use(bytes);
      EXPECT_LE(use.bytes, 2 * bytes.size() + kConstant) << "word " << word << " is " << value;
    }
  }
}

TEST(Memory, WhatIsNotATableTakesItsOwnSize) {
  Bytes bytes(1 << 20, std::byte{0x5a});
  Use use = decode_use(bytes);
  EXPECT_EQ(use.check, "magic");
  EXPECT_LE(use.bytes, bytes.size() + kConstant);

  Header header{};
  header.magic = kMagic;
  header.version = kVersion;
  header.file_size = static_cast<uint32_t>(bytes.size());
  write_at(bytes, 0, header);
  use = decode_use(bytes);
  EXPECT_EQ(use.check, "digest");
  EXPECT_LE(use.bytes, bytes.size() + kConstant);
}

TEST(Memory, TooLargeAFileTakesNone) {
  const Bytes bytes(1 << 20);
  peak = live;
  const size_t before = live;
  const auto result = decode(bytes, {.max_bytes = 1000});
  EXPECT_TRUE(std::holds_alternative<DecodeError>(result));
  EXPECT_LE(peak - before, kConstant);
}

TEST(Memory, CheckingTakesAFewTimesTheFile) {
  std::mt19937 random(3);
  for (const RandomShape &shape :
       {RandomShape{200, 2000, 3000, 60, 20}, RandomShape{2, 2, 20000, 10, 2000},
        RandomShape{1, 1, 20000, 3000, 3000}, RandomShape{50, 1000, 1001, 100, 100}}) {
    Bytes bytes;
    if (shape.byte_classes > 1) {
      bytes = encode(random_image(random, shape));
    } else {  // as many rows as states, each of one entry: the least file for the most rows
      Image image = sample_image();
      Classifier &classifier = image.classifier;
      classifier = {};
      for (uint32_t i = 0; i < shape.classifier_states; ++i) {
        classifier.states.push_back({{i, 0, 0}, 0});
        classifier.base_rows.push_back((i + 1) % shape.classifier_states);
      }
      image.component_classes = 1;
      image.exceptions.clear();
      image.states.assign(shape.path_states, {.row = {},
                                              .level = Level::read,
                                              .visible_below = true,
                                              .uniform_below = true,
                                              .below = Level::read});
      image.base_rows.clear();
      for (uint32_t i = 0; i < shape.path_states; ++i) {
        image.states[i].row.base_row = i;
        image.base_rows.push_back({(i + 1) % shape.path_states, 0});
      }
      bytes = encode(image);
    }
    const Use use = decode_use(bytes);
    EXPECT_EQ(use.check, "");
    EXPECT_LE(use.bytes, 5 * bytes.size() + kConstant) << shape.classifier_states;
  }
}

}  // namespace
}  // namespace agentfense::table
