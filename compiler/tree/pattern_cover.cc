#include "compiler/tree/pattern_cover.h"

#include <algorithm>

namespace agentfense::compiler {
namespace {

constexpr uint32_t kNone = PathNode::kNoNode;

}  // namespace

PatternCover::PatternCover(const lang::RuleSet &rules, const PathTrie &trie)
    : trie_(trie),
      parent_(trie.nodes.size(), kNone),
      missing_(trie.nodes.size()),
      is_end_(trie.nodes.size()),
      matched_(trie.nodes.size()) {
  for (uint32_t n = 0; n < trie.nodes.size(); ++n) {
    for (const auto &[glob, child] : trie.nodes[n].edges) parent_[child] = n;
    if (trie.nodes[n].deep_child != kNone) parent_[trie.nodes[n].deep_child] = n;
  }
  const auto add = [&](const std::vector<lang::RulePattern> &patterns) {
    for (const lang::RulePattern &pattern : patterns) {
      for (const lang::PathPattern &alternative : pattern.alternatives) {
        const uint32_t end = end_of(alternative);
        if (end == kNone || is_end_[end]) continue;
        is_end_[end] = true;
        for (uint32_t n = end; n != kNone; n = parent_[n]) ++missing_[n];
      }
    }
  };
  for (const lang::Rule &rule : rules.rules) {
    add(rule.patterns);
    add(rule.except);
  }
  stack_.emplace_back();
  arrive(0);
  stack_.back() = entered_;
  entered_.clear();
}

// The end of a pattern; none of those that a trie leaves out (`limit write`, which lowers nothing).
uint32_t PatternCover::end_of(const lang::PathPattern &pattern) const {
  uint32_t at = 0;
  for (const lang::PatternComponent &component : pattern.components) {
    if (component.any_depth) {
      at = trie_.nodes[at].deep_child;
    } else {
      const auto glob = trie_.glob_ids.find(component.glob);
      at = glob == trie_.glob_ids.end() ? kNone : trie_.find_child(at, glob->second);
    }
    if (at == kNone) break;
  }
  return at;
}

// A pattern never ends in `**`, so the node behind one only waits.
void PatternCover::arrive(uint32_t node) {
  if (is_end_[node] && !matched_[node]) {
    matched_[node] = true;
    for (uint32_t n = node; n != kNone; n = parent_[n]) --missing_[n];
  }
  if (missing_[node] == 0) return;
  entered_.push_back(node);
  const uint32_t deep = trie_.nodes[node].deep_child;
  if (deep != kNone && missing_[deep] > 0) entered_.push_back(deep);
}

void PatternCover::step(const std::vector<GlobId> &globs, std::vector<uint32_t> &waiting) {
  entered_.clear();
  for (const uint32_t n : waiting) {
    const PathNode &node = trie_.nodes[n];
    if (node.edges.size() <= globs.size()) {
      for (const auto &[glob, child] : node.edges) {
        if (missing_[child] > 0 && std::ranges::binary_search(globs, glob)) arrive(child);
      }
      continue;
    }
    for (const GlobId glob : globs) {
      const uint32_t child = trie_.find_child(n, glob);
      if (child != kNone && missing_[child] > 0) arrive(child);
    }
  }
}

void PatternCover::see(const std::vector<GlobId> &globs) {
  if (!globs.empty()) step(globs, stack_.back());
}

void PatternCover::enter(const std::vector<GlobId> &globs) {
  std::vector<uint32_t> &waiting = stack_.back();
  std::erase_if(waiting, [&](uint32_t n) { return missing_[n] == 0; });
  step(globs, waiting);
  for (const uint32_t n : waiting) {
    if (trie_.nodes[n].deep && missing_[n] > 0) entered_.push_back(n);
  }
  std::ranges::sort(entered_);
  entered_.erase(std::unique(entered_.begin(), entered_.end()), entered_.end());
  stack_.push_back(entered_);
}

bool PatternCover::covered(const lang::RulePattern &pattern) const {
  return std::ranges::any_of(pattern.alternatives, [&](const lang::PathPattern &alternative) {
    const uint32_t end = end_of(alternative);
    return end == kNone || matched_[end];
  });
}

}  // namespace agentfense::compiler
