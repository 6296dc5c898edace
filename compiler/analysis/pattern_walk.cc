#include "compiler/analysis/pattern_walk.h"

#include <algorithm>

namespace agentfense::compiler {

PatternWalk::PatternWalk(const std::vector<lang::RulePattern> &patterns, const PathTrie &trie) {
  for (const lang::RulePattern &pattern : patterns) {
    for (const lang::PathPattern &alternative : pattern.alternatives) {
      starts_.push_back(static_cast<uint32_t>(items_.size()));
      for (const lang::PatternComponent &c : alternative.components) {
        items_.push_back({c.any_depth, c.any_depth ? 0 : trie.glob_ids.at(c.glob), false});
      }
      items_.push_back({false, 0, true});
    }
  }
}

PatternWalk::Positions PatternWalk::close(std::vector<uint32_t> positions) const {
  for (size_t i = 0; i < positions.size(); ++i) {
    if (items_[positions[i]].any_depth) positions.push_back(positions[i] + 1);
  }
  for (const uint32_t p : positions) {
    if (items_[p].end) return {kCovered};
  }
  std::ranges::sort(positions);
  positions.erase(std::unique(positions.begin(), positions.end()), positions.end());
  return positions;
}

PatternWalk::Positions PatternWalk::start() const { return close(starts_); }

PatternWalk::Positions PatternWalk::step(const Positions &from, std::span<const GlobId> globs) const {
  if (covered(from)) return from;
  std::vector<uint32_t> next;
  for (const uint32_t p : from) {
    if (items_[p].any_depth) {
      next.push_back(p);
    } else if (std::ranges::binary_search(globs, items_[p].glob)) {
      next.push_back(p + 1);
    }
  }
  return close(std::move(next));
}

void PatternWalk::waiting(const Positions &at, std::vector<GlobId> &globs) const {
  if (covered(at)) return;
  for (const uint32_t p : at) {
    if (!items_[p].any_depth) globs.push_back(items_[p].glob);
  }
}

bool PatternWalk::lingers(const Positions &at) const {
  return covered(at) || std::ranges::any_of(at, [&](uint32_t p) { return items_[p].any_depth; });
}

}  // namespace agentfense::compiler
