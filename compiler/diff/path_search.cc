#include "compiler/diff/path_search.h"

#include <algorithm>

#include "compiler/analysis/path_order.h"

namespace agentfense::compiler::diff {
namespace {

constexpr uint32_t kTaken = 0;

uint64_t key_of(Pair pair) { return uint64_t{pair.old_state} << 32 | pair.new_state; }

}  // namespace

std::string PathSearch::path_of(uint32_t index) const {
  std::vector<const std::string *> names;
  for (uint32_t at = index; nodes_[at].from != kStart; at = nodes_[at].from) {
    names.push_back(&product_.letters()[nodes_[at].letter].name);
  }
  std::string path;
  path.reserve(nodes_[index].length);
  for (auto name = names.rbegin(); name != names.rend(); ++name) path.append("/").append(**name);
  return path;
}

std::string PathSearch::path_of(uint32_t from, uint32_t letter) const {
  return path_of(from) + "/" + product_.letters()[letter].name;
}

bool PathSearch::run(Pair start, const Hooks &hooks) {
  listed_.assign(product_.letters().size(), false);
  const auto take = [&](const Node &node) {
    nodes_.push_back(node);
    const uint32_t index = static_cast<uint32_t>(nodes_.size() - 1);
    best_[key_of(node.pair)] = {kTaken, kStart, 0};
    const Then then = hooks.visit(index);
    if (then == Then::follow) follow(index, hooks);
    if (then == Then::follow_one) offer(index, 0, product_.move(node.pair, 0), hooks);
    return then != Then::stop;
  };
  if (!take({start, kStart, 0, 0})) return true;
  while (!open_.empty()) {
    const uint32_t length = open_.begin()->first;
    std::vector<Open> layer = std::move(open_.begin()->second);
    open_.erase(open_.begin());
    std::erase_if(layer, [&](const Open &o) { return best_.at(key_of(o.pair)).length != length; });
    std::vector<std::pair<std::string, const Open *>> spelled;
    spelled.reserve(layer.size());
    for (const Open &o : layer) spelled.emplace_back(path_of(o.from, o.letter), &o);
    std::ranges::sort(spelled, [](const auto &a, const auto &b) { return path_less(a.first, b.first); });
    for (const auto &[path, o] : spelled) {
      if (best_.at(key_of(o->pair)).length == kTaken) continue;
      if (!take({o->pair, o->from, o->letter, length})) return true;
      if (!within()) return false;
    }
  }
  return true;
}

void PathSearch::offer(uint32_t node, uint32_t letter, const Move &move, const Hooks &hooks) {
  if (hooks.step) hooks.step(node, letter, move);
  const uint32_t length =
      nodes_[node].length + 1 + static_cast<uint32_t>(product_.letters()[letter].name.size());
  const auto [it, fresh] = best_.try_emplace(key_of(move.to), Best{length, node, letter});
  Best &best = it->second;
  if (!fresh) {
    // A path of equal length may still be the lesser one, except from the same node.
    if (best.length < length || (best.length == length && best.from == node && best.letter <= letter)) return;
    best = {length, node, letter};
  }
  open_[length].push_back({node, letter, move.to});
}

void PathSearch::follow(uint32_t node, const Hooks &hooks) {
  const std::vector<uint32_t> listed = product_.listed(nodes_[node].pair);
  for (const uint32_t letter : listed) {
    listed_[letter] = true;
    offer(node, letter, product_.move(nodes_[node].pair, letter), hooks);
  }
  follow_groups(node, hooks);
  for (const uint32_t letter : listed) listed_[letter] = false;
}

uint32_t PathSearch::least_unlisted(const Group &group) const {
  const auto free = [&](uint32_t letter) { return !listed_[letter]; };
  if (!group.every_letter) {
    const auto it = std::ranges::find_if(group.letters, free);
    return it == group.letters.end() ? static_cast<uint32_t>(listed_.size()) : *it;
  }
  uint32_t letter = 0;
  while (letter < listed_.size() && !free(letter)) ++letter;
  return letter;
}

// A later node has a greater path, so what it offers with the same letter is no better.
void PathSearch::follow_groups(uint32_t node, const Hooks &hooks) {
  const auto [it, fresh] = groups_.try_emplace(product_.base_of(nodes_[node].pair));
  std::vector<OpenGroup> &groups = it->second;
  if (fresh) {
    for (Group &group : product_.groups(nodes_[node].pair)) {
      held_ += group.letters.size();
      groups.push_back({std::move(group), static_cast<uint32_t>(listed_.size())});
    }
  }
  std::erase_if(groups, [&](OpenGroup &open) {
    const uint32_t letter = least_unlisted(open.group);
    if (letter >= open.offered) return false;
    open.offered = letter;
    offer(node, letter, open.group.move, hooks);
    const bool least = letter == (open.group.every_letter ? 0 : open.group.letters.front());
    if (least) held_ -= open.group.letters.size();
    return least;
  });
}

}  // namespace agentfense::compiler::diff
