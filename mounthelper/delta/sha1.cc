#include "mounthelper/delta/sha1.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace agentfense::delta {

void Sha1::take_block(const unsigned char *block) {
  std::array<uint32_t, 80> w{};
  for (size_t i = 0; i < 16; ++i) {
    const unsigned char *at = block + 4 * i;
    w[i] = uint32_t{at[0]} << 24 | uint32_t{at[1]} << 16 | uint32_t{at[2]} << 8 | at[3];
  }
  for (size_t i = 16; i < 80; ++i) w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
  auto [a, b, c, d, e] = state_;
  for (size_t i = 0; i < 80; ++i) {
    uint32_t f = i < 20 ? (b & c) | (~b & d) : i >= 40 && i < 60 ? (b & c) | (b & d) | (c & d) : b ^ c ^ d;
    constexpr std::array<uint32_t, 4> kRound{0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    uint32_t next = std::rotl(a, 5) + f + e + kRound[i / 20] + w[i];
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  }
  state_ = {state_[0] + a, state_[1] + b, state_[2] + c, state_[3] + d, state_[4] + e};
}

void Sha1::add(std::string_view bytes) {
  while (!bytes.empty()) {
    size_t held = length_ % pending_.size();
    size_t count = std::min(bytes.size(), pending_.size() - held);
    std::memcpy(pending_.data() + held, bytes.data(), count);
    length_ += count;
    bytes.remove_prefix(count);
    if (held + count == pending_.size()) take_block(pending_.data());
  }
}

std::string Sha1::finish() {
  uint64_t bits = length_ * 8;
  add("\x80");
  while (length_ % pending_.size() != 56) add(std::string_view("\0", 1));
  for (int shift = 56; shift >= 0; shift -= 8) {
    char byte = static_cast<char>(bits >> shift);
    add({&byte, 1});
  }
  constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (uint32_t word : state_) {
    for (int shift = 28; shift >= 0; shift -= 4) text += kHex[word >> shift & 15];
  }
  return text;
}

}  // namespace agentfense::delta
