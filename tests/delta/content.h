// Bytes that a length and a seed make, and a short name for bytes.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace agentfense::testing {

class Hash {
 public:
  void add(std::string_view bytes) {
    for (const char c : bytes) value_ = (value_ ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  [[nodiscard]] std::string text() const {
    char digits[20];
    std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(value_));
    return digits;
  }

 private:
  uint64_t value_ = 0xcbf29ce484222325;
};

[[nodiscard]] inline std::string hash_text(std::string_view bytes) {
  Hash hash;
  hash.add(bytes);
  return hash.text();
}

[[nodiscard]] inline std::string content(size_t length, uint64_t seed) {
  std::string bytes(length, '\0');
  uint64_t state = seed * 0x9e3779b97f4a7c15 + 1;
  for (char &c : bytes) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    c = static_cast<char>(state);
  }
  return bytes;
}

}  // namespace agentfense::testing
