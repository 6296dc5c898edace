// Tables that nobody's encoder wrote: cut, flipped, and with claims that are not true. Each is refused
// by a check or is a table of which everything holds.
#include <gtest/gtest.h>

#include <algorithm>

#include "compiler/table/encode.h"
#include "tests/table/sample_tables.h"
#include "tests/table/table_bytes.h"

namespace agentfense::table {
namespace {

// "" where the bytes are refused by a named check, or accepted and without fault.
std::string verdict(const Bytes &bytes, bool &accepted) {
  const auto result = decode(bytes);
  const auto *error = std::get_if<DecodeError>(&result);
  accepted = error == nullptr;
  if (error != nullptr)
    return error->check.empty() || error->message.empty() ? "a refusal without a name" : "";
  return fault_of(std::get<Table>(result));
}

TEST(Hostile, EveryTruncationIsRefused) {
  const Bytes whole = encode(sample_image());
  for (size_t size = 0; size < whole.size(); ++size) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    EXPECT_TRUE(std::holds_alternative<DecodeError>(decode(cut))) << size;
  }
}

TEST(Hostile, EveryTruncationWithAGoodDigestIsRefused) {
  const Bytes whole = encode(sample_image());
  for (size_t size = sizeof(Header) + kDigestSize; size < whole.size(); ++size) {
    Bytes cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    Header header = header_of(cut);
    header.file_size = static_cast<uint32_t>(size);
    write_at(cut, 0, header);
    reseal(cut);
    EXPECT_TRUE(std::holds_alternative<DecodeError>(decode(cut))) << size;
  }
}

TEST(Hostile, EveryBitFlipIsRefused) {
  Bytes bytes = encode(sample_image());
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    const auto flip = static_cast<std::byte>(1u << (bit % 8));
    bytes[bit / 8] ^= flip;
    EXPECT_TRUE(std::holds_alternative<DecodeError>(decode(bytes))) << "bit " << bit;
    bytes[bit / 8] ^= flip;
  }
}

TEST(Hostile, EveryBitFlipWithAGoodDigestIsRefusedOrHarmless) {
  const Bytes whole = encode(sample_image());
  size_t accepted_flips = 0;
  for (size_t bit = 0; bit < 8 * (whole.size() - kDigestSize); ++bit) {
    Bytes bytes = whole;
    bytes[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    reseal(bytes);
    bool accepted = false;
    ASSERT_EQ(verdict(bytes, accepted), "") << "bit " << bit;
    accepted_flips += accepted;
  }
  // Some flips make another true table: another letter in a string, another line number.
  EXPECT_GT(accepted_flips, 0u);
  EXPECT_LT(accepted_flips, 8 * whole.size() / 2);
}

TEST(Hostile, RandomWordsInRandomTablesAreRefusedOrHarmless) {
  std::mt19937 random(11);
  for (int round = 0; round < 4000; ++round) {
    Bytes bytes = encode(random_image(random, {}));
    for (uint32_t changes = 1 + random() % 3; changes > 0; --changes) {
      const size_t word = random() % ((bytes.size() - kDigestSize) / 4);
      const uint32_t values[] = {0,          1,          2,          3,
                                 7,          255,        256,        0x7fffffff,
                                 0x80000000, 0xfffffff0, 0xffffffff, static_cast<uint32_t>(random())};
      write_at(bytes, 4 * word, values[random() % std::size(values)]);
    }
    reseal(bytes);
    bool accepted = false;
    ASSERT_EQ(verdict(bytes, accepted), "") << "round " << round;
  }
}

// The loader's sparse checks of what states say, against the dense definition.
TEST(Hostile, AClaimIsAcceptedExactlyWhereItIsTrue) {
  std::mt19937 random(5);
  const auto below = [&](size_t n) { return random() % n; };
  size_t true_claims = 0;
  constexpr int kRounds = 6000;
  for (int round = 0; round < kRounds; ++round) {
    RandomShape shape;
    shape.path_states = 2 + static_cast<uint32_t>(below(7));
    shape.component_classes = 1 + static_cast<uint32_t>(below(5));
    shape.base_rows = 1 + static_cast<uint32_t>(below(3));
    Image image = random_image(random, shape);
    PathState &state = image.states[below(image.states.size())];
    switch (below(5)) {
      case 0:
        state.visible_below ^= true;
        break;
      case 1:
        state.writable_child ^= true;
        break;
      case 2:
        state.uniform_below = true;
        state.below = static_cast<Level>(below(4));
        break;
      case 3:
        state.alike = image.states[below(image.states.size())].alike;
        break;
      default:  // a whole ring of states that vouch for one another
        for (PathState &each : image.states) each.visible_below = true;
        break;
    }
    const auto result = decode(encode(image));
    const auto *error = std::get_if<DecodeError>(&result);
    const std::string fault = false_claim(image);
    ASSERT_EQ(error == nullptr, fault.empty())
        << fault << (error != nullptr ? error->check : "") << " " << round;
    true_claims += fault.empty();
  }
  EXPECT_GT(true_claims, kRounds / 20);
  EXPECT_LT(true_claims, kRounds * 19 / 20);
}

// Which classes some name is in, by following every byte from every state.
bool every_class_has_a_name(const Image &image) {
  const Classifier &classifier = image.classifier;
  std::vector<bool> reached(classifier.states.size());
  std::vector<uint32_t> queue = {0};
  while (!queue.empty()) {
    const uint32_t state = queue.back();
    queue.pop_back();
    for (int byte = 1; byte < 256; ++byte) {
      if (byte == '/') continue;
      const uint32_t target = dense_name_step(classifier, state, classifier.byte_class[byte]);
      if (!reached[target]) queue.push_back(target);
      reached[target] = true;
    }
  }
  std::vector<bool> named(image.component_classes);
  for (size_t i = 0; i < reached.size(); ++i) {
    if (reached[i]) named[classifier.states[i].component_class] = true;
  }
  return std::all_of(named.begin(), named.end(), [](bool has_name) { return has_name; });
}

TEST(Hostile, AClassIsAcceptedExactlyWhereItHasAName) {
  std::mt19937 random(6);
  int with_names = 0;
  constexpr int kRounds = 3000;
  for (int round = 0; round < kRounds; ++round) {
    RandomShape shape;
    shape.byte_classes = 1 + static_cast<uint32_t>(random() % 4);
    Image image = random_image(random, shape);
    for (ByteException &exception : image.classifier.exceptions) {
      exception.target = static_cast<uint32_t>(random() % image.classifier.states.size());
    }
    // The last byte class sometimes belongs to bytes that no name holds.
    if (random() % 4 == 0) {
      for (uint8_t &byte_class : image.classifier.byte_class) byte_class %= (shape.byte_classes + 1) / 2;
    }
    const auto result = decode(encode(image));
    const auto *error = std::get_if<DecodeError>(&result);
    ASSERT_EQ(error != nullptr ? error->check : "class-without-name", "class-without-name");
    ASSERT_EQ(error == nullptr, every_class_has_a_name(image)) << round;
    with_names += error == nullptr;
  }
  EXPECT_GT(with_names, kRounds / 20);
  EXPECT_LT(with_names, kRounds * 19 / 20);
}

}  // namespace
}  // namespace agentfense::table
