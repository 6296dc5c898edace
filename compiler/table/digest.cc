#include "compiler/table/digest.h"

#include <algorithm>

#include "compiler/table/digest_blocks.h"

namespace agentfense::table {
namespace {

constexpr size_t kBlock = 64;

void compress(Sha256State &state, const std::byte *blocks, size_t count) {
  static const auto function = has_sha256_instructions() ? sha256_blocks_native : sha256_blocks_portable;
  function(state, blocks, count);
}

}  // namespace

void Sha256::update(std::span<const std::byte> bytes) {
  length_ += bytes.size();
  if (filled_ > 0) {
    const size_t n = std::min(bytes.size(), kBlock - filled_);
    std::copy_n(bytes.begin(), n, block_.begin() + static_cast<ptrdiff_t>(filled_));
    filled_ += n;
    bytes = bytes.subspan(n);
    if (filled_ < kBlock) return;
    compress(state_, block_.data(), 1);
    filled_ = 0;
  }
  const size_t whole = bytes.size() / kBlock;
  compress(state_, bytes.data(), whole);
  bytes = bytes.subspan(whole * kBlock);
  std::copy(bytes.begin(), bytes.end(), block_.begin());
  filled_ = bytes.size();
}

Sha256Digest Sha256::finish() {
  const uint64_t bits = length_ * 8;
  std::array<std::byte, kBlock + 8> tail{};
  tail[0] = std::byte{0x80};
  const size_t zeros = (filled_ < 56 ? 56 : 120) - filled_;  // the 0x80 byte counted in
  for (size_t i = 0; i < 8; ++i) tail[zeros + i] = static_cast<std::byte>(bits >> (56 - 8 * i));
  update(std::span(tail).first(zeros + 8));

  Sha256Digest digest;
  for (size_t i = 0; i < digest.size(); ++i) {
    digest[i] = static_cast<uint8_t>(state_[i / 4] >> (24 - 8 * (i % 4)));
  }
  return digest;
}

Sha256Digest sha256(std::span<const std::byte> bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.finish();
}

std::string to_hex(std::span<const uint8_t> bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const uint8_t byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

}  // namespace agentfense::table
