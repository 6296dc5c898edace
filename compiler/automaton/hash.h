// Bit mixing for hash tables and signatures. Not for secrets.
#pragma once

#include <cstdint>

namespace agentfense::compiler {

// splitmix64's finaliser (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators).
[[nodiscard]] constexpr uint64_t mix64(uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

}  // namespace agentfense::compiler
