// Images for the table tests: one made by hand, and random ones.
#pragma once

#include <cstdint>
#include <random>
#include <string_view>

#include "compiler/table/image.h"

namespace agentfense::table {

// What a compiler would make of
//   allow read /; allow write /src; limit none **/*.key
// Classes of names: 0 anything else, 1 "src", 2 "*.key". States: 0 the root, 1 /src and below,
// 2 a key and below, 3 anything else. Slot 0 holds the deciding allow, slot 1 the deciding limit.
[[nodiscard]] Image sample_image();

struct RandomShape {
  uint32_t byte_classes = 4;
  uint32_t component_classes = 3;
  uint32_t classifier_states = 6;
  uint32_t path_states = 5;
  uint32_t base_rows = 2;
};

// A random automaton in which everything that the states claim is true, and every class has a name.
[[nodiscard]] Image random_image(std::mt19937 &random, const RandomShape &shape);

// Sets what the states say of their successors (all of PathState but row, level and deciding_slot) by
// the definition, one dense row at a time. Slow; the reference for the loader's sparse checks.
void fill_claims(Image &image);

[[nodiscard]] Step dense_step(const Image &image, uint32_t state, uint32_t component_class);
[[nodiscard]] uint32_t dense_name_step(const Classifier &classifier, uint32_t state, uint32_t symbol);
[[nodiscard]] uint32_t dense_classify(const Image &image, std::string_view name);

}  // namespace agentfense::table
