#include "compiler/proof/rule_walk.h"

#include <algorithm>
#include <set>

namespace agentfense::compiler::proof {
namespace {

using lang::Level;
constexpr size_t kHeader = 4;  // allowed, floor, number of active sets, number of opened sets

std::span<const uint32_t> part(const Standing &s, size_t begin, size_t count) {
  return std::span<const uint32_t>(s).subspan(begin, count);
}
std::span<const uint32_t> active_of(const Standing &s) { return part(s, kHeader, s[2]); }
std::span<const uint32_t> opened_of(const Standing &s) { return part(s, kHeader + s[2], s[3]); }
std::span<const uint32_t> nodes_of(const Standing &s) {
  return std::span<const uint32_t>(s).subspan(kHeader + s[2] + s[3]);
}

void tidy(std::vector<uint32_t> &v) {
  std::ranges::sort(v);
  v.erase(std::unique(v.begin(), v.end()), v.end());
}

}  // namespace

RuleWalk::RuleWalk(const lang::RuleSet &rules, GlobNumbers &globs) {
  std::map<std::pair<Level, std::set<lang::PathPattern>>, uint32_t> sets;
  for (uint32_t r = 0; r < rules.rules.size(); ++r) {
    const lang::Rule &rule = rules.rules[r];
    End end{End::What::allow, rule.level, 0, r};
    if (rule.kind == lang::Rule::Kind::limit) end.what = End::What::limit;
    if (!rule.except.empty()) {
      std::set<lang::PathPattern> excepts;
      for (const lang::RulePattern &p : rule.except)
        excepts.insert(p.alternatives.begin(), p.alternatives.end());
      const auto [it, fresh] =
          sets.try_emplace({rule.level, excepts}, static_cast<uint32_t>(set_level_.size()));
      if (fresh) set_level_.push_back(rule.level);
      end.what = End::What::limit_of_set;
      end.set = it->second;
      for (const lang::PathPattern &p : excepts) {
        const uint32_t node = add(p, globs);
        nodes_[node].ends.push_back({End::What::except_of_set, rule.level, it->second, r});
      }
    }
    for (const lang::RulePattern &p : rule.patterns) {
      for (const lang::PathPattern &alternative : p.alternatives) {
        const uint32_t node = add(alternative, globs);
        nodes_[node].ends.push_back(end);
      }
    }
  }
  summarise();
}

// A node has a larger number than the one above it.
void RuleWalk::summarise() {
  for (size_t n = nodes_.size(); n-- > 0;) {
    Node &node = nodes_[n];
    for (const End &end : node.ends) {
      if (end.what == End::What::limit_of_set) node.limits.push_back(end.set);
      if (end.what == End::What::except_of_set) node.excepts.push_back(end.set);
    }
    const auto take = [&](const Node &below) {
      node.limits.insert(node.limits.end(), below.limits.begin(), below.limits.end());
      node.excepts.insert(node.excepts.end(), below.excepts.begin(), below.excepts.end());
    };
    for (const auto &[glob, child] : node.next) take(nodes_[child]);
    if (node.any_depth_child >= 0) take(nodes_[static_cast<size_t>(node.any_depth_child)]);
    tidy(node.limits);
    tidy(node.excepts);
  }
}

bool RuleWalk::awaits(const std::vector<uint32_t> &nodes, uint32_t set,
                      std::vector<uint32_t> Node::*sets) const {
  return std::ranges::any_of(nodes,
                             [&](uint32_t n) { return std::ranges::binary_search(nodes_[n].*sets, set); });
}

Standing RuleWalk::settle(uint32_t allowed, uint32_t floor, std::vector<uint32_t> active,
                          std::vector<uint32_t> opened, const std::vector<uint32_t> &nodes) const {
  // No limit of the set can come, so that it is open does not matter; no exception, so it holds for good.
  std::erase_if(opened, [&](uint32_t set) { return !awaits(nodes, set, &Node::limits); });
  std::erase_if(active, [&](uint32_t set) {
    if (awaits(nodes, set, &Node::excepts)) return false;
    floor = std::min(floor, static_cast<uint32_t>(set_level_[set]));
    return true;
  });
  // A limit that says none and holds for good is the last word on everything below.
  if (floor == 0) return {0, 0, 0, 0};
  Standing s{allowed, floor, static_cast<uint32_t>(active.size()), static_cast<uint32_t>(opened.size())};
  s.insert(s.end(), active.begin(), active.end());
  s.insert(s.end(), opened.begin(), opened.end());
  s.insert(s.end(), nodes.begin(), nodes.end());
  return s;
}

uint32_t RuleWalk::add(const lang::PathPattern &pattern, GlobNumbers &globs) {
  uint32_t at = 0;
  for (const lang::PatternComponent &component : pattern.components) {
    const uint32_t fresh = static_cast<uint32_t>(nodes_.size());
    if (component.any_depth) {
      if (nodes_[at].any_depth_child < 0) {
        nodes_[at].any_depth_child = fresh;
        nodes_.emplace_back().any_depth = true;
      }
      at = static_cast<uint32_t>(nodes_[at].any_depth_child);
      continue;
    }
    const uint32_t glob = globs.of(component.glob);
    const auto [it, inserted] = child_.try_emplace(uint64_t{glob} << 32 | at, fresh);
    if (inserted) {
      nodes_[at].next.emplace_back(glob, fresh);
      nodes_.emplace_back();
    }
    at = it->second;
  }
  return at;
}

Standing RuleWalk::start(std::vector<uint32_t> &rules_met) const {
  return arrive(0, static_cast<uint32_t>(Level::write), {}, {}, {}, {0}, rules_met);
}

Standing RuleWalk::step(const Standing &from, std::span<const uint32_t> globs,
                        std::vector<uint32_t> &rules_met) const {
  std::vector<uint32_t> stay, entered;
  for (const uint32_t n : nodes_of(from)) {
    const Node &node = nodes_[n];
    if (node.any_depth) stay.push_back(n);
    if (node.next.size() < globs.size()) {
      for (const auto &[glob, child] : node.next) {
        if (std::ranges::binary_search(globs, glob)) entered.push_back(child);
      }
      continue;
    }
    for (const uint32_t glob : globs) {
      const auto it = child_.find(uint64_t{glob} << 32 | n);
      if (it != child_.end()) entered.push_back(it->second);
    }
  }
  const std::span<const uint32_t> active = active_of(from), opened = opened_of(from);
  return arrive(from[0], from[1], {active.begin(), active.end()}, {opened.begin(), opened.end()},
                std::move(stay), entered, rules_met);
}

Standing RuleWalk::arrive(uint32_t allowed, uint32_t floor, std::vector<uint32_t> active,
                          std::vector<uint32_t> opened, std::vector<uint32_t> nodes,
                          const std::vector<uint32_t> &entered, std::vector<uint32_t> &rules_met) const {
  for (const uint32_t n : entered) {
    for (const End &end : nodes_[n].ends) {
      switch (end.what) {
        case End::What::allow:
          allowed = std::max(allowed, static_cast<uint32_t>(end.level));
          break;
        case End::What::limit:
          floor = std::min(floor, static_cast<uint32_t>(end.level));
          break;
        case End::What::limit_of_set:
          active.push_back(end.set);
          break;
        case End::What::except_of_set:
          opened.push_back(end.set);
          break;
      }
      if (end.what != End::What::except_of_set) rules_met.push_back(end.rule);
    }
    nodes.push_back(n);
    if (nodes_[n].any_depth_child >= 0) nodes.push_back(static_cast<uint32_t>(nodes_[n].any_depth_child));
  }
  if (floor == 0) return {0, 0, 0, 0};
  tidy(opened);
  tidy(active);
  std::erase_if(active, [&](uint32_t set) { return std::ranges::binary_search(opened, set); });
  std::erase_if(nodes, [&](uint32_t n) { return nodes_[n].next.empty(); });
  tidy(nodes);
  return settle(allowed, floor, std::move(active), std::move(opened), nodes);
}

Level RuleWalk::level(const Standing &s, const RuleWalk &walk) {
  uint32_t level = std::min(s[0], s[1]);
  for (const uint32_t set : active_of(s))
    level = std::min(level, static_cast<uint32_t>(walk.set_level_[set]));
  return static_cast<Level>(level);
}

Standing RuleWalk::lasting(const Standing &s) const {
  std::vector<uint32_t> nodes;
  for (const uint32_t n : nodes_of(s)) {
    if (nodes_[n].any_depth) nodes.push_back(n);
  }
  const std::span<const uint32_t> active = active_of(s), opened = opened_of(s);
  return settle(s[0], s[1], {active.begin(), active.end()}, {opened.begin(), opened.end()}, nodes);
}

void RuleWalk::passing_globs(const Standing &s, std::vector<uint32_t> &globs) const {
  waiting(s, true, globs);
}
void RuleWalk::waiting_globs(const Standing &s, std::vector<uint32_t> &globs) const {
  waiting(s, false, globs);
}

void RuleWalk::waiting(const Standing &s, bool passing_only, std::vector<uint32_t> &globs) const {
  for (const uint32_t n : nodes_of(s)) {
    if (passing_only && nodes_[n].any_depth) continue;
    for (const auto &[glob, child] : nodes_[n].next) globs.push_back(glob);
  }
  tidy(globs);
}

}  // namespace agentfense::compiler::proof
