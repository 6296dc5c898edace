// Budget: the bounds within which an automaton is built. A policy that would pass one of them is
// refused with `too-complex`, which names the rules that cost most; the build never runs out of
// memory or time. State and byte bounds are exact, so the answer is the same on every machine; the
// deadline is the net below them.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace agentfense::compiler {

struct Budget {
  uint32_t max_states = 600'000;               // per level, before minimisation
  size_t max_bytes = size_t{256} << 20;        // held by one level's construction
  std::chrono::milliseconds max_time{30'000};  // of one level's construction
};

// Watches one construction. Threads: one.
class Meter {
 public:
  explicit Meter(const Budget &budget)
      : budget_(budget), deadline_(std::chrono::steady_clock::now() + budget.max_time) {}

  // False once a bound is passed. Reads the clock only now and then.
  [[nodiscard]] bool within(size_t states, size_t bytes) {
    if (states > budget_.max_states || bytes > budget_.max_bytes) return false;
    if ((++calls_ & 0xff) != 0) return true;
    return std::chrono::steady_clock::now() < deadline_;
  }

 private:
  Budget budget_;
  std::chrono::steady_clock::time_point deadline_;
  uint32_t calls_ = 0;
};

}  // namespace agentfense::compiler
