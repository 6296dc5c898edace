#include "compiler/automaton/path_state.h"

#include <algorithm>

namespace agentfense::compiler {
namespace {

using lang::Level;

bool contains(const std::vector<uint32_t> &sorted, uint32_t x) {
  return std::ranges::binary_search(sorted, x);
}

void sort_unique(std::vector<uint32_t> &v) {
  std::ranges::sort(v);
  v.erase(std::unique(v.begin(), v.end()), v.end());
}

}  // namespace

PathState PathStepper::start(std::vector<ProvenanceUpdate> &updates) const {
  PathState state;
  std::vector<uint32_t> entered{0};
  return advance(state, entered, updates);
}

void PathStepper::entered_by(std::span<const uint32_t> from, std::span<const GlobId> globs,
                             std::vector<uint32_t> &entered) const {
  for (const uint32_t n : from) {
    const PathNode &node = trie_.nodes[n];
    if (node.edges.size() <= globs.size()) {
      for (const auto &[glob, child] : node.edges) {
        if (std::ranges::binary_search(globs, glob)) entered.push_back(child);
      }
    } else {
      for (const GlobId glob : globs) {
        const uint32_t child = trie_.find_child(n, glob);
        if (child != PathNode::kNoNode) entered.push_back(child);
      }
    }
  }
}

PathState PathStepper::advance(const PathState &from, std::vector<uint32_t> &entered,
                               std::vector<ProvenanceUpdate> &updates) const {
  PathState next{from.allowed, from.limits, from.opened, {}};
  for (const uint32_t n : from.nodes) {
    if (trie_.nodes[n].deep) next.nodes.push_back(n);
  }
  for (const uint32_t n : entered) {
    next.nodes.push_back(n);
    if (trie_.nodes[n].deep_child != PathNode::kNoNode) next.nodes.push_back(trie_.nodes[n].deep_child);
  }
  sort_unique(next.nodes);
  sort_unique(entered);
  apply(next, entered, updates);
  // A node that waits for nothing has done its work.
  std::erase_if(next.nodes, [&](uint32_t n) { return trie_.nodes[n].edges.empty(); });
  const Level floor = prune(next);
  // Slots that can never decide again are not worth a difference between two edges.
  std::erase_if(updates, [&](const ProvenanceUpdate &u) {
    if (u.slot == kAllowSlot) return floor < Level::write && floor <= next.allowed;
    return std::ranges::find(next.limits, u.slot, &HeldLimit::slot) == next.limits.end();
  });
  return next;
}

PathState PathStepper::base_of(const PathState &from) const {
  std::vector<uint32_t> entered;
  std::vector<ProvenanceUpdate> updates;
  return advance(from, entered, updates);
}

void PathStepper::apply(PathState &state, const std::vector<uint32_t> &entered,
                        std::vector<ProvenanceUpdate> &updates) const {
  // Exceptions first: a path that an exception covers is not limited, whatever matched with it.
  for (const uint32_t n : entered) {
    for (const Action &action : trie_.nodes[n].actions) {
      if (action.kind == Action::Kind::open && !contains(state.opened, action.group)) {
        state.opened.insert(std::ranges::upper_bound(state.opened, action.group), action.group);
        std::erase_if(state.limits,
                      [&](const HeldLimit &l) { return l.slot == kFirstGroupSlot + action.group; });
      }
    }
  }

  struct Begin {
    uint32_t rule;
    HeldLimit limit;
  };
  std::vector<Begin> begins;  // at most one for each slot, with its first rule
  const auto begin = [&](HeldLimit limit, uint32_t rule) {
    for (Begin &b : begins) {
      if (b.limit.slot != limit.slot) continue;
      if (limit.level < b.limit.level || (limit.level == b.limit.level && rule < b.rule)) b = {rule, limit};
      return;
    }
    begins.push_back({rule, limit});
  };
  Level floor = Level::write;
  for (const HeldLimit &l : state.limits) {
    if (l.slot == kFloorSlot) floor = l.level;
  }
  Level raised = state.allowed;
  uint32_t raised_by = 0;
  for (const uint32_t n : entered) {
    for (const Action &action : trie_.nodes[n].actions) {
      if (action.rule == skip_ && action.kind != Action::Kind::open) continue;
      if (allows_only_ && action.kind != Action::Kind::raise) continue;
      switch (action.kind) {
        case Action::Kind::raise:
          if (action.level > raised ||
              (action.level == raised && raised > state.allowed && action.rule < raised_by)) {
            raised = action.level;
            raised_by = action.rule;
          }
          break;
        case Action::Kind::floor:
          if (action.level < floor) begin({kFloorSlot, action.level}, action.rule);
          break;
        case Action::Kind::close: {
          const uint32_t slot = kFirstGroupSlot + action.group;
          if (contains(state.opened, action.group)) break;
          if (std::ranges::find(state.limits, slot, &HeldLimit::slot) != state.limits.end()) break;
          begin({slot, trie_.groups[action.group].level}, action.rule);
          break;
        }
        case Action::Kind::open:
          break;
      }
    }
  }
  if (raised > state.allowed) {
    state.allowed = raised;
    updates.push_back({kAllowSlot, raised_by});
  }
  std::ranges::sort(begins, {}, [](const Begin &b) { return std::pair(b.rule, b.limit.slot); });
  for (const Begin &b : begins) {
    if (b.limit.slot == kFloorSlot) {
      std::erase_if(state.limits, [](const HeldLimit &l) { return l.slot == kFloorSlot; });
    }
    state.limits.push_back(b.limit);
    updates.push_back({b.limit.slot, b.rule});
  }
  std::ranges::sort(updates);
}

bool PathStepper::can_still_open(const PathState &state, uint32_t group) const {
  return std::ranges::any_of(state.nodes, [&](uint32_t n) { return contains(trie_.nodes[n].opens, group); });
}

Level PathStepper::ceiling(const PathState &state) const {
  Level lowest = Level::write;
  for (const HeldLimit &l : state.limits) {
    const bool permanent = l.slot == kFloorSlot || !can_still_open(state, l.slot - kFirstGroupSlot);
    if (permanent) lowest = std::min(lowest, l.level);
  }
  return lowest;
}

Level PathStepper::reach(const PathState &state) const {
  Level highest = state.allowed;
  for (const uint32_t n : state.nodes) highest = std::max(highest, trie_.nodes[n].max_raise);
  return std::min(highest, ceiling(state));
}

// Drops limits that can never decide, and returns the level that nothing below can pass.
Level PathStepper::settle(PathState &state) const {
  Level lowest = Level::write;
  std::vector<bool> permanent(state.limits.size());
  for (size_t i = 0; i < state.limits.size(); ++i) {
    const HeldLimit &l = state.limits[i];
    permanent[i] = l.slot == kFloorSlot || !can_still_open(state, l.slot - kFirstGroupSlot);
    if (permanent[i]) lowest = std::min(lowest, l.level);
  }
  std::vector<HeldLimit> kept;
  bool lowest_seen = false;  // the first permanent limit of the lowest level decides over all after it
  for (size_t i = 0; i < state.limits.size(); ++i) {
    const HeldLimit &l = state.limits[i];
    const bool beaten = l.level > lowest || (l.level == lowest && lowest_seen);
    if (permanent[i] && l.level == lowest) lowest_seen = true;
    if (!beaten) kept.push_back(l);
  }
  state.limits = std::move(kept);
  return lowest;
}

bool PathStepper::matters(const PathState &state, uint32_t n, Level floor) const {
  const PathNode &node = trie_.nodes[n];
  if (std::min(node.max_raise, floor) > state.allowed) return true;
  if (allows_only_) return false;
  if (node.min_floor < floor) return true;
  const auto held = [&](uint32_t group) {
    return std::ranges::find(state.limits, kFirstGroupSlot + group, &HeldLimit::slot) != state.limits.end();
  };
  const auto could_hold = [&](uint32_t group) {
    return trie_.groups[group].level < floor && !contains(state.opened, group);
  };
  // Opening a limit that holds matters even where another of its level holds too: who decides changes.
  return std::ranges::any_of(node.opens, [&](uint32_t g) { return held(g) || could_hold(g); }) ||
         std::ranges::any_of(node.closes, [&](uint32_t g) { return could_hold(g) && !held(g); });
}

Level PathStepper::prune(PathState &state) const {
  for (;;) {
    const Level floor = settle(state);
    state.allowed = std::min(state.allowed, floor);
    const size_t before = state.nodes.size();
    std::erase_if(state.nodes, [&](uint32_t n) { return !matters(state, n, floor); });
    std::erase_if(state.opened, [&](uint32_t g) {
      return trie_.groups[g].level >= floor || std::ranges::none_of(state.nodes, [&](uint32_t n) {
               return contains(trie_.nodes[n].closes, g);
             });
    });
    if (state.nodes.size() == before) return floor;
  }
}

Effect PathStepper::effect(const PathState &state) {
  const HeldLimit *lowest = nullptr;
  for (const HeldLimit &l : state.limits) {
    if (!lowest || l.level < lowest->level) lowest = &l;
  }
  if (lowest && lowest->level <= state.allowed) return {lowest->level, lowest->slot};
  return {state.allowed, kAllowSlot};
}

void encode_state(const PathState &state, std::vector<uint32_t> &words) {
  words.clear();
  words.push_back(static_cast<uint32_t>(state.allowed));
  words.push_back(static_cast<uint32_t>(state.limits.size()));
  words.push_back(static_cast<uint32_t>(state.opened.size()));
  for (const HeldLimit &l : state.limits) words.push_back(l.slot << 2 | static_cast<uint32_t>(l.level));
  words.insert(words.end(), state.opened.begin(), state.opened.end());
  words.insert(words.end(), state.nodes.begin(), state.nodes.end());
}

PathState decode_state(std::span<const uint32_t> words) {
  PathState state;
  state.allowed = static_cast<Level>(words[0]);
  const uint32_t limits = words[1];
  const uint32_t opened = words[2];
  words = words.subspan(3);
  for (const uint32_t w : words.first(limits)) state.limits.push_back({w >> 2, static_cast<Level>(w & 3)});
  words = words.subspan(limits);
  state.opened.assign(words.begin(), words.begin() + opened);
  state.nodes.assign(words.begin() + opened, words.end());
  return state;
}

}  // namespace agentfense::compiler
