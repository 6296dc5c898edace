#include "compiler/automaton/names.h"

#include <algorithm>
#include <map>

#include "compiler/automaton/hash.h"
#include "compiler/automaton/minimize.h"
#include "compiler/automaton/word_interner.h"

namespace agentfense::compiler {
namespace {

using lang::ByteSet;
constexpr uint32_t kNone = 0xffffffff;

// All globs in one trie: equal prefixes are one node, so that the sets of subset construction stay
// as small as the globs are alike. A `*` is a node that keeps itself whatever byte follows.
struct GlobTrie {
  struct Node {
    bool star = false;
    uint32_t star_child = kNone;                       // entered together with this node
    std::vector<std::pair<uint32_t, uint32_t>> edges;  // byte set id, child
    GlobId accepts = kNone;
  };
  std::vector<Node> nodes{1};
  std::vector<ByteSet> sets;
  std::map<ByteSet, uint32_t> set_ids;
  std::map<std::pair<uint32_t, uint32_t>, uint32_t> child;  // (node, byte set id) -> child

  uint32_t add_node() {
    nodes.emplace_back();
    return static_cast<uint32_t>(nodes.size() - 1);
  }

  uint32_t set_id(const ByteSet &set) {
    const auto [it, fresh] = set_ids.try_emplace(set, static_cast<uint32_t>(sets.size()));
    if (fresh) sets.push_back(set);
    return it->second;
  }

  void insert(const lang::ComponentGlob &glob, GlobId id) {
    uint32_t at = 0;
    for (const lang::GlobItem &item : glob) {
      if (item.star) {
        if (nodes[at].star_child == kNone) {
          const uint32_t star = add_node();
          nodes[star].star = true;
          nodes[at].star_child = star;
        }
        at = nodes[at].star_child;
        continue;
      }
      const uint32_t set = set_id(item.bytes);
      const auto [it, fresh] = child.try_emplace({at, set}, 0);
      if (fresh) {
        it->second = add_node();
        nodes[at].edges.emplace_back(set, it->second);
      }
      at = it->second;
    }
    nodes[at].accepts = id;
  }
};

// Bytes that every byte set treats alike share a class; classes are numbered by their least byte.
struct ByteClasses {
  std::array<uint8_t, 256> of{};
  uint32_t count = 0;
  std::vector<std::vector<uint8_t>> members_of_set;  // byte set id -> classes in it
};

ByteClasses split_bytes(const std::vector<ByteSet> &sets) {
  // Singletons are by far the most common set; each has its class, so only the rest is compared.
  std::array<std::vector<uint32_t>, 256> signature;
  for (uint32_t s = 0; s < sets.size(); ++s) {
    for (unsigned b = 0; b < 256; ++b) {
      if (sets[s].has(static_cast<unsigned char>(b))) signature[b].push_back(s);
    }
  }
  ByteClasses classes;
  std::map<std::vector<uint32_t>, uint8_t> ids;
  for (unsigned b = 0; b < 256; ++b) {
    const auto [it, fresh] = ids.try_emplace(signature[b], static_cast<uint8_t>(classes.count));
    if (fresh) ++classes.count;
    classes.of[b] = it->second;
  }
  classes.members_of_set.resize(sets.size());
  for (uint32_t s = 0; s < sets.size(); ++s) {
    std::vector<uint8_t> &members = classes.members_of_set[s];
    for (unsigned b = 0; b < 256; ++b) {
      if (sets[s].has(static_cast<unsigned char>(b))) members.push_back(classes.of[b]);
    }
    std::ranges::sort(members);
    members.erase(std::unique(members.begin(), members.end()), members.end());
  }
  return classes;
}

void normalise(std::vector<uint32_t> &nodes) {
  std::ranges::sort(nodes);
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
}

// Subset construction over the trie; see SparseDfa for why only some symbols need a look.
class Subsets {
 public:
  Subsets(const GlobTrie &trie, const ByteClasses &classes, const Budget &budget)
      : trie_(trie), classes_(classes), meter_(budget), targets_(classes.count) {}

  bool build(SparseDfa &dfa) {
    dfa.width = classes_.count;
    std::vector<uint32_t> start;
    enter(0, start);
    normalise(start);
    dfa.start = states_.intern(start).id;
    for (uint32_t s = 0; s < states_.size(); ++s) {
      if (!meter_.within(states_.size(), states_.bytes() + dfa.edges.capacity() * sizeof(Edge) +
                                             dfa.states.capacity() * sizeof(SparseDfa::State)))
        return false;
      expand(s, dfa);
    }
    return true;
  }

  [[nodiscard]] std::span<const uint32_t> nodes_of(uint32_t s) const { return states_.get(s); }
  [[nodiscard]] uint32_t size() const { return states_.size(); }

 private:
  void enter(uint32_t node, std::vector<uint32_t> &into) const {
    into.push_back(node);
    if (trie_.nodes[node].star_child != kNone) into.push_back(trie_.nodes[node].star_child);
  }

  void expand(uint32_t s, SparseDfa &dfa) {
    current_.assign(states_.get(s).begin(), states_.get(s).end());
    kept_.clear();
    for (uint32_t n : current_) {
      if (trie_.nodes[n].star) kept_.push_back(n);
    }
    const bool is_base = kept_.size() == current_.size();
    const uint32_t base = is_base ? s : states_.intern(kept_).id;

    // What each byte class adds to the kept nodes. A leaning state looks only at the classes that
    // its passing nodes wait for, but there it needs the kept nodes' children too.
    touched_.clear();
    const auto collect = [&](uint32_t n, bool only_touched) {
      for (const auto &[set, child] : trie_.nodes[n].edges) {
        for (const uint8_t c : classes_.members_of_set[set]) {
          if (targets_[c].empty()) {
            if (only_touched) continue;
            touched_.push_back(c);
          }
          enter(child, targets_[c]);
        }
      }
    };
    for (uint32_t n : current_) {
      if (is_base || !trie_.nodes[n].star) collect(n, false);
    }
    if (!is_base) {
      for (uint32_t n : kept_) collect(n, true);
    }
    std::ranges::sort(touched_);

    SparseDfa::State state{base, static_cast<uint32_t>(dfa.edges.size()),
                           static_cast<uint32_t>(touched_.size()), 0};
    for (const uint8_t c : touched_) {
      std::vector<uint32_t> &next = targets_[c];
      next.insert(next.end(), kept_.begin(), kept_.end());
      normalise(next);
      dfa.edges.push_back({c, states_.intern(next).id, 0});
      next.clear();
    }
    dfa.states.push_back(state);
  }

  const GlobTrie &trie_;
  const ByteClasses &classes_;
  Meter meter_;
  WordInterner states_;
  std::vector<uint32_t> current_, kept_;
  std::vector<uint8_t> touched_;
  std::vector<std::vector<uint32_t>> targets_;  // per byte class; empty between calls
};

// Blames each glob for the states that its nodes take part in.
GlobCost count_costs(const GlobTrie &trie, const Subsets &subsets,
                     const std::vector<lang::ComponentGlob> &globs) {
  std::vector<uint64_t> per_node(trie.nodes.size());
  for (uint32_t s = 0; s < subsets.size(); ++s) {
    for (uint32_t n : subsets.nodes_of(s)) ++per_node[n];
  }
  GlobCost cost(globs.size());
  for (GlobId g = 0; g < globs.size(); ++g) {
    uint32_t at = 0;
    for (const lang::GlobItem &item : globs[g]) {
      at = item.star ? trie.nodes[at].star_child : trie.child.at({at, trie.set_ids.at(item.bytes)});
      if (at != 0 && (item.star || cost[g] != 0)) cost[g] += per_node[at];
    }
  }
  return cost;
}

}  // namespace

uint32_t NameAutomaton::letter_of(std::string_view name) const {
  uint32_t s = dfa.start;
  for (const char c : name) s = dfa.row(s, byte_class[static_cast<unsigned char>(c)]).target;
  return dfa.states[s].out;
}

std::vector<std::string> shortest_names(const SparseDfa &dfa, const std::array<uint8_t, 256> &byte_class,
                                        uint32_t outs) {
  // The least byte of each class stands for it; printable bytes come first, for the reader's sake
  // and because a shortest example is shown to people.
  std::vector<int> letter(dfa.width, -1);
  const auto offer = [&](unsigned from, unsigned to) {
    for (unsigned b = from; b < to; ++b) {
      if (b != 0 && b != '/' && b != '.' && letter[byte_class[b]] < 0)
        letter[byte_class[b]] = static_cast<int>(b);
    }
  };
  offer('a', 'z' + 1);
  offer(0x21, 0x7f);
  offer(1, 256);
  // A dot last: of a class that holds other bytes too, those make names where dots may not.
  if (letter[byte_class['.']] < 0) letter[byte_class['.']] = '.';
  std::vector<uint32_t> symbols;
  for (uint32_t c = 0; c < dfa.width; ++c) {
    if (letter[c] >= 0) symbols.push_back(c);
  }
  const auto order = [&](uint32_t c) { return std::pair(letter[c] < 'a' || letter[c] > 'z', letter[c]); };
  std::ranges::sort(symbols, {}, order);

  std::vector<std::string> names(outs);
  // Breadth first by name length, over states and what was read of a "." or "..": these two are no
  // names, and a state that they reach may be reached by a name of the same length too.
  enum Mark : uint32_t { nothing_read, dot_read, dots_read, name_read, marks };
  const auto mark_after = [&](uint32_t mark, uint32_t symbol) -> uint32_t {
    if (mark == name_read || letter[symbol] != '.') return name_read;
    return mark == nothing_read ? dot_read : mark == dot_read ? dots_read : name_read;
  };
  struct From {
    uint32_t node = kNone;  // state * marks + mark
    uint32_t symbol = 0;
  };
  std::vector<From> from(dfa.states.size() * marks);
  const uint32_t start = dfa.start * marks + nothing_read;
  const auto spell = [&](uint32_t node) {
    std::string name;
    for (; node != start; node = from[node].node)
      name.push_back(static_cast<char>(letter[from[node].symbol]));
    std::ranges::reverse(name);
    return name;
  };
  uint32_t missing = outs;
  std::vector<uint32_t> layer{start};
  while (!layer.empty() && missing > 0) {
    std::vector<uint32_t> next;
    for (const uint32_t node : layer) {
      for (const uint32_t c : symbols) {
        const uint32_t t = dfa.row(node / marks, c).target;
        const uint32_t mark = mark_after(node % marks, c);
        const uint32_t to = t * marks + mark;
        if (from[to].node != kNone) continue;  // no edge leads back to the start's mark
        from[to] = {node, c};
        next.push_back(to);
        const uint32_t out = dfa.states[t].out;
        if (mark != name_read || !names[out].empty()) continue;
        names[out] = spell(to);
        --missing;
      }
    }
    layer = std::move(next);
  }
  return names;
}

std::optional<NameAutomaton> build_names(const std::vector<lang::ComponentGlob> &globs, const Budget &budget,
                                         GlobCost &cost) {
  GlobTrie trie;
  for (GlobId g = 0; g < globs.size(); ++g) trie.insert(globs[g], g);
  const ByteClasses classes = split_bytes(trie.sets);

  SparseDfa raw;
  Subsets subsets(trie, classes, budget);
  if (!subsets.build(raw)) {
    cost = count_costs(trie, subsets, globs);
    return std::nullopt;
  }

  NameAutomaton names;
  names.byte_class = classes.of;
  std::map<std::vector<GlobId>, uint32_t> ids;
  std::vector<const std::vector<GlobId> *> sets;
  for (uint32_t s = 0; s < raw.states.size(); ++s) {
    std::vector<GlobId> accepted;
    for (uint32_t n : subsets.nodes_of(s)) {
      if (trie.nodes[n].accepts != kNone) accepted.push_back(trie.nodes[n].accepts);
    }
    std::ranges::sort(accepted);
    const auto [it, fresh] = ids.try_emplace(std::move(accepted), static_cast<uint32_t>(sets.size()));
    if (fresh) sets.push_back(&it->first);
    raw.states[s].out = it->second;
  }

  // A set that no name has (only "", "." or ".." would, or a base that is leaned on and never
  // reached) is no letter. No name ends in its states, so any number serves them.
  std::vector<std::string> witness =
      shortest_names(raw, names.byte_class, static_cast<uint32_t>(sets.size()));
  std::vector<uint32_t> renumber(sets.size(), 0);
  for (uint32_t x = 0; x < sets.size(); ++x) {
    if (witness[x].empty()) continue;
    renumber[x] = static_cast<uint32_t>(names.letters.size());
    names.letters.push_back(*sets[x]);
    names.witness.push_back(std::move(witness[x]));
  }
  for (SparseDfa::State &state : raw.states) state.out = renumber[state.out];
  names.dfa = minimize(raw).dfa;
  names.letters_of.resize(globs.size());
  for (uint32_t x = 0; x < names.letters.size(); ++x) {
    for (const GlobId g : names.letters[x]) names.letters_of[g].push_back(x);
  }
  return names;
}

}  // namespace agentfense::compiler
