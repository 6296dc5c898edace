#include "compiler/automaton/automaton.h"

#include <algorithm>
#include <set>

#include "compiler/automaton/determinize.h"
#include "compiler/automaton/minimize.h"

namespace agentfense::compiler {
namespace {

using lang::Level;

std::vector<bool> where(const std::vector<StateFacts> &facts, auto &&test) {
  std::vector<bool> member(facts.size());
  for (size_t s = 0; s < facts.size(); ++s) member[s] = test(facts[s]);
  return member;
}

// Visible below: a successor has a level above none or something visible below it; the least
// fixpoint, reached in at most as many rounds as the longest way down is long.
void find_visible(const SparseDfa &dfa, std::vector<StateFacts> &facts) {
  for (bool changed = true; changed;) {
    changed = false;
    const std::vector<uint32_t> count = count_successors(
        dfa, where(facts, [](const StateFacts &f) { return f.level > Level::none || f.visible_below; }));
    for (size_t s = 0; s < facts.size(); ++s) {
      if (count[s] > 0 && !facts[s].visible_below) facts[s].visible_below = changed = true;
    }
  }
}

// Uniform below: every successor has the level, and so has all below it; the greatest fixpoint.
void find_uniform(const SparseDfa &dfa, std::vector<StateFacts> &facts) {
  for (const Level level : {Level::none, Level::view, Level::read, Level::write}) {
    std::vector<bool> same = where(facts, [&](const StateFacts &f) { return f.level == level; });
    std::vector<uint32_t> count;
    for (bool changed = true; changed;) {
      changed = false;
      count = count_successors(dfa, same);
      for (size_t s = 0; s < facts.size(); ++s) {
        if (same[s] && count[s] != dfa.width) {
          same[s] = false;
          changed = true;
        }
      }
    }
    for (size_t s = 0; s < facts.size(); ++s) {
      if (count[s] != dfa.width) continue;
      facts[s].uniform_below = true;
      facts[s].below = level;
    }
  }
}

std::vector<StateFacts> find_facts(const SparseDfa &dfa, const std::vector<Effect> &effects) {
  std::vector<StateFacts> facts(dfa.states.size());
  std::vector<uint32_t> levels(dfa.states.size());
  for (size_t s = 0; s < facts.size(); ++s) {
    facts[s].level = effects[dfa.states[s].out].level;
    facts[s].slot = effects[dfa.states[s].out].slot;
    levels[s] = static_cast<uint32_t>(facts[s].level);
  }
  const Partition alike = partition(dfa, levels, Distinguish::outs);
  for (size_t s = 0; s < facts.size(); ++s) facts[s].alike = alike.block[s];
  find_visible(dfa, facts);
  find_uniform(dfa, facts);
  const std::vector<uint32_t> writable =
      count_successors(dfa, where(facts, [](const StateFacts &f) { return f.level == Level::write; }));
  for (size_t s = 0; s < facts.size(); ++s) facts[s].writable_child = writable[s] > 0;
  return facts;
}

TooComplex rank(TooComplex::Where where, std::vector<TooComplex::Cost> costs) {
  double sum = 0;
  for (const TooComplex::Cost &c : costs) sum += c.share;
  std::ranges::stable_sort(costs, std::greater{}, &TooComplex::Cost::share);
  if (costs.size() > 5) costs.resize(5);
  for (TooComplex::Cost &c : costs) c.share = sum > 0 ? c.share / sum : 0;
  return {where, std::move(costs)};
}

TooComplex blame_globs(const lang::RuleSet &rules, const PathTrie &trie, const GlobCost &cost) {
  std::vector<TooComplex::Cost> costs;
  const auto add = [&](uint32_t index, bool never, const std::vector<lang::RulePattern> &a,
                       const std::vector<lang::RulePattern> *b) {
    std::set<GlobId> globs;
    for (const auto *list : {&a, b}) {
      if (!list) continue;
      for (const lang::RulePattern &p : *list) {
        for (const lang::PathPattern &alternative : p.alternatives) {
          for (const lang::PatternComponent &c : alternative.components) {
            const auto it = c.any_depth ? trie.glob_ids.end() : trie.glob_ids.find(c.glob);
            if (it != trie.glob_ids.end()) globs.insert(it->second);
          }
        }
      }
    }
    double share = 0;
    for (const GlobId g : globs) share += static_cast<double>(cost[g]);
    if (share > 0) costs.push_back({index, never, share});
  };
  for (uint32_t r = 0; r < rules.rules.size(); ++r)
    add(r, false, rules.rules[r].patterns, &rules.rules[r].except);
  for (uint32_t n = 0; n < rules.nevers.size(); ++n) add(n, true, rules.nevers[n].patterns, nullptr);
  return rank(TooComplex::Where::names, std::move(costs));
}

TooComplex blame_nodes(const lang::RuleSet &rules, const PathTrie &trie, const std::vector<uint64_t> &cost) {
  std::vector<double> share(rules.rules.size());
  for (size_t n = 0; n < cost.size(); ++n) {
    for (const uint32_t r : trie.rules_of_node[n]) {
      share[r] += static_cast<double>(cost[n]) / static_cast<double>(trie.rules_of_node[n].size());
    }
  }
  std::vector<TooComplex::Cost> costs;
  for (uint32_t r = 0; r < share.size(); ++r) {
    if (share[r] > 0) costs.push_back({r, false, share[r]});
  }
  return rank(TooComplex::Where::paths, std::move(costs));
}

}  // namespace

BuildResult build_automaton(const lang::RuleSet &rules, const Budget &budget) {
  BuildResult result;
  Automaton a;
  a.trie = build_trie(rules);

  GlobCost glob_cost;
  std::optional<NameAutomaton> names = build_names(a.trie.globs, budget, glob_cost);
  if (!names) {
    result.too_complex = blame_globs(rules, a.trie, glob_cost);
    return result;
  }
  a.names = std::move(*names);

  std::vector<uint64_t> node_cost;
  std::optional<RawPaths> raw = determinize(a.trie, a.names, budget, node_cost);
  if (!raw) {
    result.too_complex = blame_nodes(rules, a.trie, node_cost);
    return result;
  }
  a.raw_states = static_cast<uint32_t>(raw->dfa.states.size());
  a.paths = minimize(raw->dfa).dfa;
  a.facts = find_facts(a.paths, raw->effects);
  a.labels = std::move(raw->labels);
  a.start_label = raw->start_label;
  a.slots = kFirstGroupSlot + static_cast<uint32_t>(a.trie.groups.size());
  result.automaton = std::move(a);
  return result;
}

}  // namespace agentfense::compiler
