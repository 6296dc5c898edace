// table_fuzz [COUNT [SEED]]: gives COUNT damaged tables to the fuzzed door. Where libFuzzer is not at hand.
#include <cstdio>
#include <cstdlib>
#include <random>

#include "compiler/table/encode.h"
#include "tests/table/sample_tables.h"
#include "tests/table/table_bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

namespace agentfense::table {
namespace {

void damage(Bytes &bytes, std::mt19937 &random) {
  const auto at = [&](size_t n) { return n == 0 ? 0 : random() % n; };
  switch (random() % 6) {
    case 0:
      bytes[at(bytes.size())] ^= static_cast<std::byte>(1u << (random() % 8));
      break;
    case 1:
      bytes[at(bytes.size())] = static_cast<std::byte>(random());
      break;
    case 2: {  // a word, often near zero or near the end of its range
      const auto value = static_cast<uint32_t>(random() % 3 == 0 ? random() : random() % 8 - 4);
      write_at(bytes, at(bytes.size() / 4) * 4, value);
      break;
    }
    case 3: {  // one piece over another
      const size_t length = 1 + at(32);
      if (bytes.size() < 2 * length) break;
      std::memmove(bytes.data() + at(bytes.size() - length), bytes.data() + at(bytes.size() - length),
                   length);
      break;
    }
    case 4:
      bytes.resize(bytes.size() - at(std::min<size_t>(bytes.size() - 4, 64)));
      break;
    default:
      bytes.insert(bytes.begin() + static_cast<ptrdiff_t>(at(bytes.size())), 1 + at(32),
                   static_cast<std::byte>(random()));
      break;
  }
}

int run(long count, uint32_t seed) {
  std::mt19937 random(seed);
  Bytes whole = encode(sample_image());
  for (long i = 0; i < count; ++i) {
    if (i % 64 == 63) {
      RandomShape shape;
      shape.component_classes = 1 + static_cast<uint32_t>(random() % 6);
      shape.path_states = 1 + static_cast<uint32_t>(random() % 6);
      shape.classifier_states = shape.component_classes + static_cast<uint32_t>(random() % 6);
      whole = encode(random_image(random, shape));
    }
    Bytes bytes = whole;
    for (uint32_t changes = 1 + random() % 4; changes > 0; --changes) damage(bytes, random);
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size());
  }
  std::printf("%ld tables, seed %u\n", count, seed);
  return 0;
}

}  // namespace
}  // namespace agentfense::table

int main(int argc, char **argv) {
  const long count = argc > 1 ? std::atol(argv[1]) : 1000000;
  const auto seed = static_cast<uint32_t>(argc > 2 ? std::atol(argv[2]) : 1);
  return agentfense::table::run(count, seed);
}
