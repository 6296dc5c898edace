#include "compiler/proof/joint_names.h"

#include <algorithm>
#include <unordered_map>

namespace agentfense::compiler::proof {
namespace {

using lang::ByteSet;

constexpr uint32_t kNone = 0xffffffff;

// A tree of glob items. A node is reached when its items have matched what was read so far.
struct Tree {
  struct Node {
    bool star = false;
    uint32_t star_child = kNone;
    std::vector<std::pair<uint32_t, uint32_t>> next;  // byte set, child
    std::vector<uint32_t> ends;                       // globs that end here
  };
  std::vector<Node> nodes{Node{}};
  std::map<ByteSet, uint32_t> sets;

  void add(const lang::ComponentGlob &glob, uint32_t id) {
    uint32_t at = 0;
    for (const lang::GlobItem &item : glob) at = item.star ? star_below(at) : below(at, item.bytes);
    nodes[at].ends.push_back(id);
  }

  // Adds a node and the `*` after it, which matches nothing too.
  void reach(uint32_t node, std::vector<uint32_t> &into) const {
    into.push_back(node);
    if (nodes[node].star_child != kNone) into.push_back(nodes[node].star_child);
  }

 private:
  uint32_t star_below(uint32_t at) {
    if (nodes[at].star_child == kNone) {
      nodes[at].star_child = static_cast<uint32_t>(nodes.size());
      nodes.emplace_back().star = true;
    }
    return nodes[at].star_child;
  }

  uint32_t below(uint32_t at, const ByteSet &bytes) {
    const uint32_t set = sets.try_emplace(bytes, static_cast<uint32_t>(sets.size())).first->second;
    for (const auto &[other, child] : nodes[at].next) {
      if (other == set) return child;
    }
    const uint32_t child = static_cast<uint32_t>(nodes.size());
    nodes[at].next.emplace_back(set, child);
    nodes.emplace_back();
    return child;
  }
};

// "", "." and ".." are no names: a walk stays marked until it has read more than those.
enum Mark : uint32_t { nothing_read, dot_read, dots_read, name_read };

Mark mark_after(Mark mark, unsigned char byte) {
  if (mark == name_read || byte != '.') return name_read;
  return mark == nothing_read ? dot_read : mark == dot_read ? dots_read : name_read;
}

uint32_t step(const table::Classifier &c, uint32_t state, unsigned char byte) {
  const uint32_t symbol = c.byte_class[byte];
  const table::RowRef &row = c.states[state].row;
  for (uint32_t i = row.exception_begin; i < row.exception_begin + row.exception_count; ++i) {
    if (c.exceptions[i].symbol == symbol) return c.exceptions[i].target;
  }
  if (row.base_row & table::kConstantRow) return row.base_row & ~table::kConstantRow;
  return c.base_rows[size_t{row.base_row} * c.byte_classes + symbol];
}

// Bytes that neither the table nor any glob tells apart are of one kind; one of each is enough.
struct ByteKinds {
  std::vector<unsigned char> bytes;                 // one of each kind
  std::vector<std::vector<uint32_t>> kinds_in_set;  // by byte set of the tree
};

ByteKinds split_bytes(const table::Classifier &c, const Tree &tree) {
  std::map<std::vector<uint32_t>, unsigned char> kinds;
  const auto offer = [&](unsigned b) {
    if (b == 0 || b == '/') return;
    std::vector<uint32_t> kind{b == '.', c.byte_class[b]};
    for (const auto &[set, id] : tree.sets) {
      if (set.has(static_cast<unsigned char>(b))) kind.push_back(id);
    }
    kinds.try_emplace(std::move(kind), static_cast<unsigned char>(b));
  };
  for (unsigned b = 'a'; b <= 'z'; ++b) offer(b);
  for (unsigned b = 1; b < 256; ++b) offer(b);
  ByteKinds result;
  for (const auto &[kind, b] : kinds) result.bytes.push_back(b);
  std::ranges::sort(result.bytes);
  result.kinds_in_set.resize(tree.sets.size());
  for (const auto &[set, id] : tree.sets) {
    for (uint32_t k = 0; k < result.bytes.size(); ++k) {
      if (set.has(result.bytes[k])) result.kinds_in_set[id].push_back(k);
    }
  }
  return result;
}

// The sets of tree nodes that some name reaches, and where each kind of byte takes them.
class NodeSets {
 public:
  NodeSets(const Tree &tree, const ByteKinds &kinds)
      : tree_(tree), kinds_(kinds), reached_(kinds.bytes.size()) {}

  uint32_t id(std::vector<uint32_t> set) {
    std::ranges::sort(set);
    set.erase(std::unique(set.begin(), set.end()), set.end());
    const auto [it, fresh] = ids_.try_emplace(std::move(set), static_cast<uint32_t>(sets_.size()));
    if (fresh) sets_.push_back(&it->first);
    return it->second;
  }

  [[nodiscard]] const std::vector<uint32_t> &get(uint32_t set) const { return *sets_[set]; }

  // Per kind of byte, the set after it.
  const std::vector<uint32_t> &moves(uint32_t set) {
    if (moves_.size() <= set) moves_.resize(size_t{set} + 1);
    if (!moves_[set].empty()) return moves_[set];
    std::vector<uint32_t> stars;
    for (const uint32_t n : *sets_[set]) {
      if (tree_.nodes[n].star) stars.push_back(n);
      for (const auto &[bytes, child] : tree_.nodes[n].next) {
        for (const uint32_t k : kinds_.kinds_in_set[bytes]) tree_.reach(child, reached_[k]);
      }
    }
    std::vector<uint32_t> to(kinds_.bytes.size(), id(stars));
    for (size_t k = 0; k < to.size(); ++k) {
      if (reached_[k].empty()) continue;
      reached_[k].insert(reached_[k].end(), stars.begin(), stars.end());
      to[k] = id(std::move(reached_[k]));
      reached_[k] = {};
    }
    return moves_[set] = std::move(to);
  }

 private:
  const Tree &tree_;
  const ByteKinds &kinds_;
  std::vector<std::vector<uint32_t>> reached_;  // per kind; empty between calls
  std::map<std::vector<uint32_t>, uint32_t> ids_;
  std::vector<const std::vector<uint32_t> *> sets_;
  std::vector<std::vector<uint32_t>> moves_;
};

}  // namespace

uint32_t GlobNumbers::of(const lang::ComponentGlob &glob) {
  const auto [it, fresh] = ids_.try_emplace(glob, static_cast<uint32_t>(globs_.size()));
  if (fresh) globs_.push_back(glob);
  return it->second;
}

std::optional<std::vector<JointLetter>> joint_names(const table::Classifier &classifier,
                                                    const std::vector<lang::ComponentGlob> &globs,
                                                    uint64_t max_pairs) {
  Tree tree;
  for (uint32_t g = 0; g < globs.size(); ++g) tree.add(globs[g], g);
  const ByteKinds kinds = split_bytes(classifier, tree);
  NodeSets sets(tree, kinds);

  struct Visit {
    uint32_t state;
    uint32_t set;
    Mark mark;
    uint32_t from;
    unsigned char byte;
  };
  struct KeyHash {
    size_t operator()(const std::pair<uint64_t, uint32_t> &k) const {
      return (k.first * 0x9e3779b97f4a7c15ULL) ^ (uint64_t{k.second} * 0xc2b2ae3d27d4eb4fULL);
    }
  };
  std::unordered_map<std::pair<uint64_t, uint32_t>, uint32_t, KeyHash> seen;
  std::vector<Visit> visits;
  const auto visit = [&](Visit v) {
    const std::pair<uint64_t, uint32_t> key{uint64_t{v.state} << 32 | v.set, v.mark};
    if (seen.try_emplace(key, static_cast<uint32_t>(visits.size())).second) visits.push_back(v);
  };
  std::vector<uint32_t> start;
  tree.reach(0, start);
  visit({0, sets.id(std::move(start)), nothing_read, 0, 0});

  std::map<std::pair<uint32_t, std::vector<uint32_t>>, uint32_t> letter_ids;
  std::vector<JointLetter> letters;
  for (uint32_t i = 0; i < visits.size(); ++i) {
    if (visits.size() > max_pairs) return std::nullopt;
    const Visit v = visits[i];
    if (v.mark == name_read) {
      std::vector<uint32_t> matched;
      for (const uint32_t n : sets.get(v.set)) {
        matched.insert(matched.end(), tree.nodes[n].ends.begin(), tree.nodes[n].ends.end());
      }
      std::ranges::sort(matched);
      const uint32_t component_class = classifier.states[v.state].component_class;
      if (letter_ids.try_emplace({component_class, matched}, static_cast<uint32_t>(letters.size())).second) {
        std::string name;
        for (uint32_t at = i; at != 0; at = visits[at].from)
          name.push_back(static_cast<char>(visits[at].byte));
        std::ranges::reverse(name);
        letters.push_back({component_class, std::move(matched), std::move(name)});
      }
    }
    const std::vector<uint32_t> &moves = sets.moves(v.set);
    for (size_t k = 0; k < moves.size(); ++k) {
      const unsigned char byte = kinds.bytes[k];
      visit({step(classifier, v.state, byte), moves[k], mark_after(v.mark, byte), i, byte});
    }
  }
  return letters;
}

}  // namespace agentfense::compiler::proof
