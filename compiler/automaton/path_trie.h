// PathTrie: all patterns of a policy in one tree, with what happens where a pattern ends.
//
// Made from a RuleSet; read by path_states.h. Equal beginnings of patterns are one node, for the
// reason given in names.cc: the sets of subset construction stay small.
#pragma once

#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

#include "compiler/automaton/names.h"
#include "lang/rules.h"

namespace agentfense::compiler {

// Limits with equal level and equal exceptions fall and rise together: one group. Limits without
// exceptions need none: once one holds it holds for everything below (the floor).
struct Group {
  lang::Level level = lang::Level::none;
};

struct Action {
  enum class Kind : uint8_t { raise, floor, close, open };
  Kind kind;
  lang::Level level;  // raise, floor
  uint32_t group;     // close (a limit of the group speaks), open (an exception does)
  uint32_t rule;      // raise, floor, close

  auto operator<=>(const Action &) const = default;
};

struct PathNode {
  bool deep = false;              // `**`: stays whatever component follows
  uint32_t deep_child = kNoNode;  // entered together with this node
  std::vector<std::pair<GlobId, uint32_t>> edges;
  std::vector<Action> actions;  // on entering the node

  // What this node or one below it can still do; pruning reads it.
  lang::Level max_raise = lang::Level::none;
  lang::Level min_floor = lang::Level::write;
  std::vector<uint32_t> closes;  // sorted groups
  std::vector<uint32_t> opens;   // sorted groups

  static constexpr uint32_t kNoNode = 0xffffffff;
};

struct PathTrie {
  std::vector<PathNode> nodes;  // 0 is the root
  std::vector<Group> groups;
  std::vector<lang::ComponentGlob> globs;  // by GlobId; those of the nevers and idle limits too
  std::map<lang::ComponentGlob, GlobId> glob_ids;
  std::unordered_map<uint64_t, uint32_t> child;      // node << 32 | glob -> node
  std::vector<std::vector<uint32_t>> rules_of_node;  // who put the node there: what `too-complex` blames

  // kNoNode where there is none.
  [[nodiscard]] uint32_t find_child(uint32_t node, GlobId glob) const {
    const auto it = child.find(uint64_t{node} << 32 | glob);
    return it == child.end() ? PathNode::kNoNode : it->second;
  }
};

// Globs of the never rules and of limits at write join the alphabet, so that what is asked of them can be
// decided on the automaton.
[[nodiscard]] PathTrie build_trie(const lang::RuleSet &rules);

}  // namespace agentfense::compiler
