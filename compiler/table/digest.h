// SHA-256 (FIPS 180-4), our own so that reading a table needs the standard library alone.
//
// Used for the digest that ends every .aft file and for the digest of a policy's sources. Not
// constant-time: nothing secret goes through it. Threads: one object, one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace agentfense::table {

using Sha256Digest = std::array<uint8_t, 32>;

class Sha256 {
 public:
  void update(std::span<const std::byte> bytes);
  void update(std::string_view text) { update(std::as_bytes(std::span(text))); }
  // The digest of everything given to update(). The object is used up afterwards.
  [[nodiscard]] Sha256Digest finish();

 private:
  std::array<uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::byte, 64> block_{};
  size_t filled_ = 0;    // bytes of block_ in use, below 64
  uint64_t length_ = 0;  // bytes given so far
};

[[nodiscard]] Sha256Digest sha256(std::span<const std::byte> bytes);

// Lower-case hexadecimal.
[[nodiscard]] std::string to_hex(std::span<const uint8_t> bytes);

}  // namespace agentfense::table
