#include <algorithm>
#include <string>

#include "mounthelper/delta/text_diff.h"

namespace agentfense::delta {
namespace {

constexpr size_t kContext = 3;

// Lines [old_begin, old_end) that became [new_begin, new_end).
struct Block {
  size_t old_begin, old_end, new_begin, new_end;
};

std::vector<Block> blocks_of(const TextDiff &diff) {
  std::vector<Block> blocks;
  size_t x = 0;
  size_t y = 0;
  while (x < diff.before.size() || y < diff.after.size()) {
    Block block{x, x, y, y};
    while (block.old_end < diff.before.size() && diff.gone[block.old_end]) ++block.old_end;
    while (block.new_end < diff.after.size() && diff.came[block.new_end]) ++block.new_end;
    bool same = block.old_end == x && block.new_end == y;
    x = block.old_end + (same ? 1 : 0);
    y = block.new_end + (same ? 1 : 0);
    if (!same) blocks.push_back(block);
  }
  return blocks;
}

std::string range(char mark, size_t begin, size_t count) {
  std::string text(1, mark);
  text += std::to_string(count == 0 ? begin : begin + 1);
  if (count != 1) text += "," + std::to_string(count);
  return text;
}

using Line = std::function<void(char, std::string_view)>;

void write(char mark, std::string_view text, const Line &line) {
  if (text.ends_with('\n')) {
    line(mark, text);
    return;
  }
  line(mark, std::string(text) + "\n");
  line('\\', " No newline at end of file\n");
}

// The blocks [first, last] with what stands between and around them.
void write_hunk(const TextDiff &diff, const Block *first, const Block *last, const Line &line) {
  size_t before = std::min(kContext, first->old_begin);
  size_t after = std::min(kContext, diff.before.size() - last->old_end);
  size_t x = first->old_begin - before;
  size_t y = first->new_begin - before;
  std::string header = "@@ " + range('-', x, last->old_end + after - x) + " " +
                       range('+', y, last->new_end + after - y) + " @@\n";
  line('@', std::string_view(header).substr(1));
  for (const Block *block = first; block <= last; ++block) {
    for (; x < block->old_begin; ++x) write(' ', diff.before[x], line);
    for (; x < block->old_end; ++x) write('-', diff.before[x], line);
    for (y = block->new_begin; y < block->new_end; ++y) write('+', diff.after[y], line);
  }
  for (size_t end = x + after; x < end; ++x) write(' ', diff.before[x], line);
}

}  // namespace

void each_hunk_line(const TextDiff &diff, const Line &line) {
  std::vector<Block> blocks = blocks_of(diff);
  for (size_t first = 0; first < blocks.size();) {
    size_t last = first;
    while (last + 1 < blocks.size() && blocks[last + 1].old_begin - blocks[last].old_end <= 2 * kContext)
      ++last;
    write_hunk(diff, &blocks[first], &blocks[last], line);
    first = last + 1;
  }
}

}  // namespace agentfense::delta
