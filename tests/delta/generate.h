// Random operations that meet each other: few names, few open files, and mostly paths that are there.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "tests/delta/script.h"

namespace agentfense::testing {

struct Style {
  bool hidden_names = false;     // also `hid` and `*.key`
  bool directory_reads = false;  // positions in listings: only two views of one kind agree on them
  bool refused = false;  // what a view refuses and a plain directory does not: devices, marks of the format
  // The kernel's overlayfs keeps showing the old file to who opened it for reading before the copy-up.
  bool never_read_only = false;
};

class Generator {
 public:
  Generator(uint64_t seed, Style style) : random_(seed), style_(style) {}

  // paths: what there is, in any order but always the same one; may be a little out of date.
  [[nodiscard]] Op next(const std::vector<std::string> &paths);

 private:
  using Words = std::vector<std::string>;
  [[nodiscard]] uint64_t below(uint64_t limit) { return random_() % limit; }
  [[nodiscard]] std::string any(const Words &words) { return words[below(words.size())]; }
  [[nodiscard]] std::string slot() { return std::to_string(below(5)); }
  [[nodiscard]] std::string name();
  [[nodiscard]] std::string there(const Words &paths);
  [[nodiscard]] std::string place(const Words &paths);
  [[nodiscard]] std::string mode();
  [[nodiscard]] std::string offset();
  [[nodiscard]] std::string length();
  [[nodiscard]] std::string seed() { return std::to_string(below(1000)); }
  [[nodiscard]] std::string past() { return std::to_string(1'100'000'000 + below(100'000'000)); }
  [[nodiscard]] Words open_words(const Words &paths);
  [[nodiscard]] Words on_name(const Words &paths);
  [[nodiscard]] Words on_open(const Words &paths);
  [[nodiscard]] Words on_metadata(const Words &paths);

  std::mt19937_64 random_;
  Style style_;
};

}  // namespace agentfense::testing
