#include "compiler/analysis/pattern_walk.h"

#include <algorithm>

namespace agentfense::compiler {

PatternWalk::PatternWalk(const std::vector<lang::RulePattern> &patterns, const Alphabet &alphabet)
    : alphabet_(&alphabet) {
  for (const lang::RulePattern &pattern : patterns) {
    for (const lang::PathPattern &alternative : pattern.alternatives) add(alternative);
  }
  measure();
}

PatternWalk::PatternWalk(const std::vector<lang::PathPattern> &patterns, const Alphabet &alphabet)
    : alphabet_(&alphabet) {
  for (const lang::PathPattern &pattern : patterns) add(pattern);
  measure();
}

PatternWalk PatternWalk::deeper_than(uint32_t depth, const Alphabet &alphabet) {
  PatternWalk walk(alphabet);
  walk.starts_.push_back(0);
  walk.items_.assign(depth, {Kind::any_name, 0, 0});
  walk.items_.push_back({Kind::end, 0, 0});
  walk.measure();
  return walk;
}

void PatternWalk::add(const lang::PathPattern &pattern) {
  starts_.push_back(static_cast<uint32_t>(items_.size()));
  for (const lang::PatternComponent &c : pattern.components) {
    if (c.any_depth) {
      items_.push_back({Kind::any_depth, 0, 0});
    } else {
      items_.push_back({Kind::glob, alphabet_->glob_ids->at(c.glob), 0});
    }
  }
  items_.push_back({Kind::end, 0, 0});
}

void PatternWalk::measure() {
  for (size_t i = items_.size(); i-- > 0;) {
    Item &item = items_[i];
    if (item.kind == Kind::end) continue;
    const uint32_t rest = items_[i + 1].bytes_to_end;
    uint32_t own = item.kind == Kind::any_depth ? 0 : 2;
    if (item.kind == Kind::glob) {
      own = kNever;
      for (const uint32_t x : alphabet_->names->letters_of[item.glob]) {
        own = std::min(own, static_cast<uint32_t>(alphabet_->name(x).size()) + 1);
      }
    }
    item.bytes_to_end = std::min(kNever, own + rest);
  }
}

PatternWalk::Positions PatternWalk::close(std::vector<uint32_t> positions) const {
  for (size_t i = 0; i < positions.size(); ++i) {
    if (items_[positions[i]].kind == Kind::any_depth) positions.push_back(positions[i] + 1);
  }
  for (const uint32_t p : positions) {
    if (items_[p].kind == Kind::end) return {kCovered};
  }
  std::ranges::sort(positions);
  positions.erase(std::unique(positions.begin(), positions.end()), positions.end());
  return positions;
}

PatternWalk::Positions PatternWalk::start() const { return close(starts_); }

PatternWalk::Positions PatternWalk::step(std::span<const uint32_t> from, uint32_t letter) const {
  if (covered(from)) return {kCovered};
  const std::vector<GlobId> &globs = alphabet_->names->letters[letter];
  std::vector<uint32_t> next;
  for (const uint32_t p : from) {
    switch (items_[p].kind) {
      case Kind::any_depth:
        next.push_back(p);
        break;
      case Kind::any_name:
        next.push_back(p + 1);
        break;
      case Kind::glob:
        if (std::ranges::binary_search(globs, items_[p].glob)) next.push_back(p + 1);
        break;
      case Kind::end:
        break;
    }
  }
  return close(std::move(next));
}

void PatternWalk::waiting(std::span<const uint32_t> at, std::vector<uint32_t> &letters) const {
  if (covered(at)) return;
  for (const uint32_t p : at) {
    if (items_[p].kind != Kind::glob) continue;
    const std::vector<uint32_t> &of = alphabet_->names->letters_of[items_[p].glob];
    letters.insert(letters.end(), of.begin(), of.end());
  }
}

bool PatternWalk::lingers(std::span<const uint32_t> at) const {
  return covered(at) || std::ranges::any_of(at, [&](uint32_t p) {
           return items_[p].kind == Kind::any_depth || items_[p].kind == Kind::any_name;
         });
}

uint32_t PatternWalk::bytes_to_cover(std::span<const uint32_t> at) const {
  if (covered(at)) return 0;
  uint32_t least = kNever;
  for (const uint32_t p : at) least = std::min(least, items_[p].bytes_to_end);
  return least;
}

uint32_t PatternWalk::bytes_after(std::span<const uint32_t> at) const {
  if (covered(at)) return 0;
  uint32_t least = kNever;
  for (const uint32_t p : at) {
    if (items_[p].kind != Kind::end) least = std::min(least, items_[p + 1].bytes_to_end);
  }
  return least;
}

}  // namespace agentfense::compiler
