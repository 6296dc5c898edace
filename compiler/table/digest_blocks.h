// The block function of SHA-256, in C++ and with the processor's own instructions. Internal to
// compiler/table.
//
// A mount waits for the digest of its table: 8 MB take 40 ms in C++, and 5 ms with the
// instructions of x86 since Goldmont and Zen.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace agentfense::table {

using Sha256State = std::array<uint32_t, 8>;

void sha256_blocks_portable(Sha256State &state, const std::byte *blocks, size_t count);

// REQUIRES: has_sha256_instructions().
void sha256_blocks_native(Sha256State &state, const std::byte *blocks, size_t count);
[[nodiscard]] bool has_sha256_instructions();

// The round constants: a multiple of 16 so that they load as vectors.
extern const std::array<uint32_t, 64> kSha256Rounds;

}  // namespace agentfense::table
