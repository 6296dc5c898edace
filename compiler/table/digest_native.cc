#include "compiler/table/digest_blocks.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

namespace agentfense::table {
namespace {

// The instructions keep the state as ABEF and CDGH, and do two rounds at a time.
struct Halves {
  __m128i abef;
  __m128i cdgh;
};

__attribute__((target("sha,sse4.1"))) inline void four_rounds(Halves &h, __m128i words, size_t round) {
  const auto *const constants = reinterpret_cast<const __m128i *>(kSha256Rounds.data() + round);
  const __m128i sum = _mm_add_epi32(words, _mm_load_si128(constants));
  h.cdgh = _mm_sha256rnds2_epu32(h.cdgh, h.abef, sum);
  h.abef = _mm_sha256rnds2_epu32(h.abef, h.cdgh, _mm_shuffle_epi32(sum, 0x0e));
}

}  // namespace

__attribute__((target("sha,sse4.1"))) void sha256_blocks_native(Sha256State &state, const std::byte *blocks,
                                                                size_t count) {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  auto *const stored = reinterpret_cast<__m128i *>(state.data());
  // ABCD and EFGH, as words in memory, to ABEF and CDGH.
  const __m128i cdab = _mm_shuffle_epi32(_mm_loadu_si128(stored), 0xb1);
  const __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128(stored + 1), 0x1b);
  Halves h{_mm_alignr_epi8(cdab, efgh, 8), _mm_blend_epi16(efgh, cdab, 0xf0)};

  for (; count > 0; --count, blocks += 64) {
    const Halves before = h;
    __m128i w[4];
    for (size_t i = 0; i < 4; ++i) {
      const __m128i raw = _mm_loadu_si128(reinterpret_cast<const __m128i *>(blocks) + i);
      w[i] = _mm_shuffle_epi8(raw, big_endian);
      four_rounds(h, w[i], 4 * i);
    }
    for (size_t i = 4; i < 16; ++i) {
      const __m128i last = w[(i + 3) % 4];
      const __m128i seventh = _mm_alignr_epi8(last, w[(i + 2) % 4], 4);
      const __m128i partial = _mm_add_epi32(_mm_sha256msg1_epu32(w[i % 4], w[(i + 1) % 4]), seventh);
      w[i % 4] = _mm_sha256msg2_epu32(partial, last);
      four_rounds(h, w[i % 4], 4 * i);
    }
    h.abef = _mm_add_epi32(h.abef, before.abef);
    h.cdgh = _mm_add_epi32(h.cdgh, before.cdgh);
  }

  const __m128i feba = _mm_shuffle_epi32(h.abef, 0x1b);
  const __m128i dchg = _mm_shuffle_epi32(h.cdgh, 0xb1);
  _mm_storeu_si128(stored, _mm_blend_epi16(feba, dchg, 0xf0));
  _mm_storeu_si128(stored + 1, _mm_alignr_epi8(dchg, feba, 8));
}

bool has_sha256_instructions() {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || (ecx & bit_SSE4_1) == 0) return false;
  return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (ebx & bit_SHA) != 0;
}

}  // namespace agentfense::table

#else

namespace agentfense::table {

void sha256_blocks_native(Sha256State &state, const std::byte *blocks, size_t count) {
  sha256_blocks_portable(state, blocks, count);
}

bool has_sha256_instructions() { return false; }

}  // namespace agentfense::table

#endif
