// PathSearch: the pairs of a Product, each by the least path that leads to it, in the order of
// path_less().
//
// Best first. A step adds two bytes at least, so paths are taken up by length: those of one length are
// complete before the first of them is looked at, and only they need to be spelled and sorted. Letters
// that many pairs follow alike (Product::groups) are followed from the first pair that meets them and
// then only where a later pair has a lesser letter to offer.
//
// Made by compare.cc. Threads: one.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "compiler/automaton/hash.h"
#include "compiler/diff/product.h"

namespace agentfense::compiler::diff {

class PathSearch {
 public:
  struct Node {
    Pair pair;
    uint32_t from;    // index of another node; kStart for the first
    uint32_t letter;  // that leads here
    uint32_t length;  // of the path in bytes
  };
  static constexpr uint32_t kStart = 0xffffffff;

  enum class Then : uint8_t {
    follow,      // every letter
    follow_one,  // the least letter: the others show nothing else
    pass,        // none
    stop,
  };
  struct Hooks {
    std::function<Then(uint32_t node)> visit;  // each pair once
    // A step from a node, before it is known whether its pair is new; may be empty.
    std::function<void(uint32_t node, uint32_t letter, const Move &move)> step;
  };

  PathSearch(const Product &product, uint64_t max_pairs) : product_(product), max_pairs_(max_pairs) {}

  // False where more than `max_pairs` pairs were met. Call it once.
  [[nodiscard]] bool run(Pair start, const Hooks &hooks);

  [[nodiscard]] const Node &node(uint32_t index) const { return nodes_[index]; }
  // Below the start: empty for the start itself.
  [[nodiscard]] std::string path_of(uint32_t index) const;
  [[nodiscard]] std::string path_of(uint32_t from, uint32_t letter) const;
  [[nodiscard]] uint64_t pairs() const { return best_.size(); }

 private:
  struct Open {
    uint32_t from;
    uint32_t letter;
    Pair pair;
  };
  struct OpenGroup {
    Group group;
    uint32_t offered;  // the least letter that was followed; none: the number of letters
  };
  struct Best {
    uint32_t length;  // of the least path so far; 0: taken
    uint32_t from;
    uint32_t letter;
  };
  struct KeyHash {
    size_t operator()(uint64_t key) const { return mix64(key); }
  };

  void follow(uint32_t node, const Hooks &hooks);
  void follow_groups(uint32_t node, const Hooks &hooks);
  void offer(uint32_t node, uint32_t letter, const Move &move, const Hooks &hooks);
  [[nodiscard]] uint32_t least_unlisted(const Group &group) const;
  [[nodiscard]] bool within() const { return best_.size() <= max_pairs_ && held_ <= 16 * max_pairs_; }

  const Product &product_;
  uint64_t max_pairs_;
  std::vector<Node> nodes_;
  std::map<uint32_t, std::vector<Open>> open_;  // by length
  std::unordered_map<uint64_t, Best, KeyHash> best_;
  std::unordered_map<uint64_t, std::vector<OpenGroup>, KeyHash> groups_;
  uint64_t held_ = 0;         // letters in groups_
  std::vector<bool> listed_;  // letters that the node at hand lists apart
};

}  // namespace agentfense::compiler::diff
