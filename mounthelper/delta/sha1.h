// SHA-1 as git names blobs with it. Not for anything that must withstand an attacker.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace agentfense::delta {

class Sha1 {
 public:
  void add(std::string_view bytes);
  // 40 hexadecimal digits. Nothing may be added afterwards.
  [[nodiscard]] std::string finish();

 private:
  void take_block(const unsigned char *block);

  std::array<uint32_t, 5> state_{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  std::array<unsigned char, 64> pending_{};
  uint64_t length_ = 0;
};

}  // namespace agentfense::delta
