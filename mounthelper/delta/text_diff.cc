#include "mounthelper/delta/text_diff.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <unordered_map>

namespace agentfense::delta {
namespace {

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    size_t newline = text.find('\n');
    size_t length = newline == std::string_view::npos ? text.size() : newline + 1;
    lines.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return lines;
}

// The lines of one side that the other side has too, as numbers.
struct Sequence {
  std::vector<uint32_t> number;  // equal lines have equal numbers
  std::vector<size_t> line;      // where each stands in the text
};

// Fills both; a line that only one side has stays `gone` or `came`.
void number_lines(const TextDiff &diff, Sequence &before, Sequence &after) {
  struct Entry {
    uint32_t number;
    bool in_after;
  };
  std::unordered_map<std::string_view, Entry> entries;
  for (std::string_view line : diff.before) {
    entries.try_emplace(line, Entry{static_cast<uint32_t>(entries.size()), false});
  }
  for (size_t i = 0; i < diff.after.size(); ++i) {
    auto entry = entries.find(diff.after[i]);
    if (entry == entries.end()) continue;
    entry->second.in_after = true;
    after.number.push_back(entry->second.number);
    after.line.push_back(i);
  }
  for (size_t i = 0; i < diff.before.size(); ++i) {
    const Entry &entry = entries.at(diff.before[i]);
    if (!entry.in_after) continue;
    before.number.push_back(entry.number);
    before.line.push_back(i);
  }
}

// A part of both sequences: [left, right) of before against [top, bottom) of after.
struct Box {
  int64_t left, top, right, bottom;
};

// A stretch of the shortest way through a box: one step aside and a run of equal lines, in either order.
struct Snake {
  int64_t x1, y1, x2, y2;
};

class Matcher {
 public:
  Matcher(const Sequence &before, const Sequence &after, TextDiff &diff)
      : a_(before.number), b_(after.number), before_(before), after_(after), diff_(diff) {}

  void run() {
    boxes_.push_back({0, 0, static_cast<int64_t>(a_.size()), static_cast<int64_t>(b_.size())});
    while (!boxes_.empty()) {
      Box box = boxes_.back();
      boxes_.pop_back();
      trim(box);
      if (box.left == box.right || box.top == box.bottom) continue;
      std::optional<Snake> snake = middle_of(box);
      if (!snake) continue;
      keep(*snake);
      boxes_.push_back({box.left, box.top, snake->x1, snake->y1});
      boxes_.push_back({snake->x2, snake->y2, box.right, box.bottom});
    }
  }

 private:
  void match(int64_t x, int64_t y) {
    diff_.gone[before_.line[static_cast<size_t>(x)]] = false;
    diff_.came[after_.line[static_cast<size_t>(y)]] = false;
  }

  [[nodiscard]] bool equal(int64_t x, int64_t y) const {
    return a_[static_cast<size_t>(x)] == b_[static_cast<size_t>(y)];
  }

  void trim(Box &box) {
    while (box.left < box.right && box.top < box.bottom && equal(box.left, box.top))
      match(box.left++, box.top++);
    while (box.left < box.right && box.top < box.bottom && equal(box.right - 1, box.bottom - 1)) {
      match(--box.right, --box.bottom);
    }
  }

  void keep(Snake snake) {
    auto run = [&] {
      while (snake.x1 < snake.x2 && snake.y1 < snake.y2 && equal(snake.x1, snake.y1))
        match(snake.x1++, snake.y1++);
    };
    run();
    if (snake.x2 - snake.x1 > snake.y2 - snake.y1) ++snake.x1;
    if (snake.x2 - snake.x1 < snake.y2 - snake.y1) ++snake.y1;
    run();
  }

  // Searches from both ends until the two searches meet; nothing where that takes too many edits.
  std::optional<Snake> middle_of(const Box &box) {
    const int64_t size = box.right - box.left + box.bottom - box.top;
    const int64_t most = std::min<int64_t>((size + 1) / 2, kMostEdits / 2);
    const auto width = static_cast<size_t>(2 * most + 3);
    forward_.assign(width, box.left);
    backward_.assign(width, box.bottom);
    centre_ = most + 1;
    for (int64_t edits = 0; edits <= most; ++edits) {
      if (std::optional<Snake> snake = step_forward(box, edits)) return snake;
      if (std::optional<Snake> snake = step_backward(box, edits)) return snake;
    }
    return std::nullopt;
  }

  int64_t &forward(int64_t k) { return forward_[static_cast<size_t>(centre_ + k)]; }
  int64_t &backward(int64_t c) { return backward_[static_cast<size_t>(centre_ + c)]; }

  // The furthest x on each diagonal k, x - left - (y - top), with so many edits.
  std::optional<Snake> step_forward(const Box &box, int64_t edits) {
    const int64_t delta = box.right - box.left - (box.bottom - box.top);
    for (int64_t k = edits; k >= -edits; k -= 2) {
      bool down = k == -edits || (k != edits && forward(k - 1) < forward(k + 1));
      int64_t from = down ? forward(k + 1) : forward(k - 1);
      int64_t x = down ? from : from + 1;
      int64_t y = box.top + (x - box.left) - k;
      Snake snake{from, edits == 0 || x != from ? y : y - 1, 0, 0};
      while (x < box.right && y < box.bottom && equal(x, y)) ++x, ++y;
      forward(k) = x;
      int64_t c = k - delta;
      if ((delta & 1) != 0 && c > -edits && c < edits && y >= backward(c)) {
        snake.x2 = x;
        snake.y2 = y;
        return snake;
      }
    }
    return std::nullopt;
  }

  // The least y on each diagonal from the other corner.
  std::optional<Snake> step_backward(const Box &box, int64_t edits) {
    const int64_t delta = box.right - box.left - (box.bottom - box.top);
    for (int64_t c = edits; c >= -edits; c -= 2) {
      bool leftwards = c == -edits || (c != edits && backward(c - 1) > backward(c + 1));
      int64_t from = leftwards ? backward(c + 1) : backward(c - 1);
      int64_t y = leftwards ? from : from - 1;
      int64_t k = c + delta;
      int64_t x = box.left + (y - box.top) + k;
      Snake snake{0, 0, edits == 0 || y != from ? x : x + 1, from};
      while (x > box.left && y > box.top && equal(x - 1, y - 1)) --x, --y;
      backward(c) = y;
      if ((delta & 1) == 0 && k >= -edits && k <= edits && x <= forward(k)) {
        snake.x1 = x;
        snake.y1 = y;
        return snake;
      }
    }
    return std::nullopt;
  }

  const std::vector<uint32_t> &a_;
  const std::vector<uint32_t> &b_;
  const Sequence &before_;
  const Sequence &after_;
  TextDiff &diff_;
  std::vector<Box> boxes_;
  std::vector<int64_t> forward_;
  std::vector<int64_t> backward_;
  int64_t centre_ = 0;
};

}  // namespace

TextDiff diff_text(std::string_view before, std::string_view after) {
  TextDiff diff;
  diff.before = split_lines(before);
  diff.after = split_lines(after);
  diff.gone.assign(diff.before.size(), true);
  diff.came.assign(diff.after.size(), true);
  Sequence left;
  Sequence right;
  number_lines(diff, left, right);
  Matcher(left, right, diff).run();
  diff.deleted = static_cast<size_t>(std::count(diff.gone.begin(), diff.gone.end(), true));
  diff.inserted = static_cast<size_t>(std::count(diff.came.begin(), diff.came.end(), true));
  return diff;
}

}  // namespace agentfense::delta
