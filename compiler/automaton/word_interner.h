// WordInterner: gives equal sequences of 32-bit words equal small numbers, in order of first sight.
// The automaton's raw states are such sequences. Threads: one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace agentfense::compiler {

class WordInterner {
 public:
  struct Result {
    uint32_t id;
    bool fresh;
  };

  WordInterner();
  Result intern(std::span<const uint32_t> words);
  // Valid until the next intern().
  [[nodiscard]] std::span<const uint32_t> get(uint32_t id) const;
  [[nodiscard]] uint32_t size() const { return static_cast<uint32_t>(ends_.size()); }
  [[nodiscard]] size_t bytes() const;

 private:
  void grow();

  std::vector<uint32_t> pool_;
  std::vector<size_t> ends_;
  std::vector<uint64_t> hashes_;
  std::vector<uint32_t> slots_;  // open addressing; kEmpty or an id
};

}  // namespace agentfense::compiler
