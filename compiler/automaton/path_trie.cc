#include "compiler/automaton/path_trie.h"

#include <algorithm>

namespace agentfense::compiler {
namespace {

using lang::Level;

class Builder {
 public:
  explicit Builder(PathTrie &trie) : trie_(trie) { add_node(); }

  // The node at which the pattern ends.
  uint32_t insert(const lang::PathPattern &pattern, uint32_t rule) {
    uint32_t at = 0;
    for (const lang::PatternComponent &component : pattern.components) {
      at = component.any_depth ? deep_child(at) : child(at, intern(component.glob));
      std::vector<uint32_t> &owners = trie_.rules_of_node[at];
      if (owners.empty() || owners.back() != rule) owners.push_back(rule);
    }
    return at;
  }

  GlobId intern(const lang::ComponentGlob &glob) {
    const auto [it, fresh] = trie_.glob_ids.try_emplace(glob, static_cast<GlobId>(trie_.globs.size()));
    if (fresh) trie_.globs.push_back(glob);
    return it->second;
  }

  // For patterns that no state needs to follow, but that are looked for in the automaton.
  void intern_all(const std::vector<lang::RulePattern> &patterns) {
    for (const lang::RulePattern &pattern : patterns) {
      for (const lang::PathPattern &alternative : pattern.alternatives) {
        for (const lang::PatternComponent &component : alternative.components) {
          if (!component.any_depth) intern(component.glob);
        }
      }
    }
  }

 private:
  uint32_t add_node() {
    trie_.nodes.emplace_back();
    trie_.rules_of_node.emplace_back();
    return static_cast<uint32_t>(trie_.nodes.size() - 1);
  }

  uint32_t deep_child(uint32_t at) {
    if (trie_.nodes[at].deep_child == PathNode::kNoNode) {
      const uint32_t fresh = add_node();
      trie_.nodes[fresh].deep = true;
      trie_.nodes[at].deep_child = fresh;
    }
    return trie_.nodes[at].deep_child;
  }

  uint32_t child(uint32_t at, GlobId glob) {
    const auto [it, fresh] = trie_.child.try_emplace(uint64_t{at} << 32 | glob, 0);
    if (fresh) {
      it->second = add_node();
      trie_.nodes[at].edges.emplace_back(glob, it->second);
    }
    return it->second;
  }

  PathTrie &trie_;
};

void unite(std::vector<uint32_t> &into, const std::vector<uint32_t> &from) {
  if (from.empty()) return;
  into.insert(into.end(), from.begin(), from.end());
  std::ranges::sort(into);
  into.erase(std::unique(into.begin(), into.end()), into.end());
}

// Children have larger numbers than their parents, so one pass from the back sees children first.
void summarise(PathTrie &trie) {
  for (uint32_t n = static_cast<uint32_t>(trie.nodes.size()); n-- > 0;) {
    PathNode &node = trie.nodes[n];
    std::vector<uint32_t> closes, opens;
    for (const Action &action : node.actions) {
      switch (action.kind) {
        case Action::Kind::raise:
          node.max_raise = std::max(node.max_raise, action.level);
          break;
        case Action::Kind::floor:
          node.min_floor = std::min(node.min_floor, action.level);
          break;
        case Action::Kind::close:
          closes.push_back(action.group);
          break;
        case Action::Kind::open:
          opens.push_back(action.group);
          break;
      }
    }
    const auto take = [&](uint32_t c) {
      const PathNode &below = trie.nodes[c];
      node.max_raise = std::max(node.max_raise, below.max_raise);
      node.min_floor = std::min(node.min_floor, below.min_floor);
      closes.insert(closes.end(), below.closes.begin(), below.closes.end());
      opens.insert(opens.end(), below.opens.begin(), below.opens.end());
    };
    for (const auto &[glob, c] : node.edges) take(c);
    if (node.deep_child != PathNode::kNoNode) take(node.deep_child);
    unite(node.closes, closes);
    unite(node.opens, opens);
  }
}

using ExceptKey = std::pair<Level, std::vector<lang::PathPattern>>;

ExceptKey except_key(const lang::Rule &rule) {
  ExceptKey key{rule.level, {}};
  for (const lang::RulePattern &except : rule.except) {
    key.second.insert(key.second.end(), except.alternatives.begin(), except.alternatives.end());
  }
  std::ranges::sort(key.second);
  key.second.erase(std::unique(key.second.begin(), key.second.end()), key.second.end());
  return key;
}

}  // namespace

PathTrie build_trie(const lang::RuleSet &rules) {
  PathTrie trie;
  Builder builder(trie);
  std::map<ExceptKey, uint32_t> groups;
  const auto act = [&](uint32_t node, Action action) { trie.nodes[node].actions.push_back(action); };

  for (uint32_t r = 0; r < rules.rules.size(); ++r) {
    const lang::Rule &rule = rules.rules[r];
    if (rule.kind == lang::Rule::Kind::limit && rule.level == Level::write) {  // lowers nothing
      builder.intern_all(rule.patterns);
      builder.intern_all(rule.except);
      continue;
    }
    Action action{Action::Kind::raise, rule.level, 0, r};
    if (rule.kind == lang::Rule::Kind::limit) action.kind = Action::Kind::floor;
    if (!rule.except.empty()) {
      ExceptKey key = except_key(rule);
      const std::vector<lang::PathPattern> excepts = key.second;
      const auto [it, fresh] = groups.try_emplace(std::move(key), static_cast<uint32_t>(trie.groups.size()));
      action.kind = Action::Kind::close;
      action.group = it->second;
      if (fresh) {
        trie.groups.push_back({rule.level});
        for (const lang::PathPattern &except : excepts) {
          act(builder.insert(except, r), {Action::Kind::open, rule.level, it->second, r});
        }
      }
    }
    for (const lang::RulePattern &pattern : rule.patterns) {
      for (const lang::PathPattern &alternative : pattern.alternatives)
        act(builder.insert(alternative, r), action);
    }
  }
  for (const lang::NeverRule &never : rules.nevers) builder.intern_all(never.patterns);
  for (PathNode &node : trie.nodes) {
    std::ranges::sort(node.actions);
    node.actions.erase(std::unique(node.actions.begin(), node.actions.end()), node.actions.end());
  }
  summarise(trie);
  return trie;
}

}  // namespace agentfense::compiler
