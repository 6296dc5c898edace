#include "compiler/table/digest.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "compiler/table/digest_blocks.h"

namespace agentfense::table {
namespace {

std::string hex_of(std::string_view text) { return to_hex(sha256(std::as_bytes(std::span(text)))); }

// The vectors of FIPS 180-4's examples and of NIST's secure hash test page.
TEST(Sha256, PublishedVectors) {
  EXPECT_EQ(hex_of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(
      hex_of(
          "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrs"
          "mnopqrstnopqrstu"),
      "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
  EXPECT_EQ(hex_of(std::string(1000000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

// Lengths around the ends of blocks, where padding takes one block or two.
TEST(Sha256, LengthsAroundABlock) {
  EXPECT_EQ(hex_of(std::string(55, 'a')), "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318");
  EXPECT_EQ(hex_of(std::string(56, 'a')), "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a");
  EXPECT_EQ(hex_of(std::string(63, 'a')), "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34");
  EXPECT_EQ(hex_of(std::string(64, 'a')), "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb");
  EXPECT_EQ(hex_of(std::string(65, 'a')), "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0");
}

// The vectors above go through one of the two block functions, whichever this machine takes.
TEST(Sha256, BothBlockFunctionsAgree) {
  if (!has_sha256_instructions()) GTEST_SKIP() << "this processor has no SHA-256 instructions";
  std::mt19937 random(2);
  for (size_t count = 0; count < 20; ++count) {
    std::vector<std::byte> blocks(64 * count);
    for (std::byte &b : blocks) b = static_cast<std::byte>(random());
    Sha256State portable;
    for (uint32_t &word : portable) word = static_cast<uint32_t>(random());
    Sha256State native = portable;
    sha256_blocks_portable(portable, blocks.data(), count);
    sha256_blocks_native(native, blocks.data(), count);
    ASSERT_EQ(portable, native) << count;
  }
}

TEST(Sha256, PiecesGiveTheSameAsTheWhole) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += static_cast<char>(i * 7);
  for (size_t first = 0; first <= text.size(); ++first) {
    for (const size_t second : {size_t{0}, size_t{1}, size_t{63}, size_t{64}, size_t{65}, size_t{130}}) {
      Sha256 hash;
      const std::string_view rest = std::string_view(text).substr(first);
      hash.update(std::string_view(text).substr(0, first));
      hash.update(rest.substr(0, second));
      hash.update(rest.substr(std::min(second, rest.size())));
      ASSERT_EQ(to_hex(hash.finish()), hex_of(text)) << first << " " << second;
    }
  }
}

}  // namespace
}  // namespace agentfense::table
