// The difference of two texts, line by line, as hunks with three lines of context.
//
// Myers' O(ND) algorithm in linear space, after lines that only one side has are set aside. A part of the texts
// that needs more than kMostEdits edits is taken as replaced whole, so that the cost is bounded: at most about
// kMostEdits squared steps beside what is linear.
// Pure. Threads: plain functions.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>
#include <vector>

namespace agentfense::delta {

constexpr size_t kMostEdits = 4000;

struct TextDiff {
  // Lines with their newline, which the last may lack. Views into what was compared.
  std::vector<std::string_view> before;
  std::vector<std::string_view> after;
  // By line: whether it is on this side alone.
  std::vector<bool> gone;
  std::vector<bool> came;
  size_t deleted = 0;
  size_t inserted = 0;
};

[[nodiscard]] TextDiff diff_text(std::string_view before, std::string_view after);

// Calls for each line of the hunks, with its first character apart: '@', ' ', '-', '+', each with a newline; a line that
// lacked one is followed by one of '\\'.
void each_hunk_line(const TextDiff &diff, const std::function<void(char, std::string_view)> &line);

}  // namespace agentfense::delta
