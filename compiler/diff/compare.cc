#include "compiler/diff/compare.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "compiler/analysis/path_order.h"
#include "compiler/diff/changed_rules.h"
#include "compiler/diff/path_search.h"
#include "compiler/diff/product.h"

namespace agentfense::compiler::diff {
namespace {

using table::Level;
using table::PathState;

constexpr uint32_t kUntouched = 0xfffffffe;  // beside rules and kNoRule
// Every class that two policies can have between them: 12 pairs of levels, and names.
constexpr size_t kAllClasses = 14;
// Paths that are looked at for the sake of further rules.
constexpr size_t kMaxCandidates = 20'000;

bool is_of_names(const Difference &d) { return d.change == Change::appears || d.change == Change::vanishes; }

class Comparer {
 public:
  Comparer(const table::Table &old_table, const table::Table &new_table, const Product &product,
           const CompareBudget &budget)
      : old_(old_table),
        new_(new_table),
        product_(product),
        budget_(budget),
        search_(product, budget.max_pairs) {
    const ChangedRules changed = changed_rules(old_table, new_table);
    removed_.insert(changed.removed.begin(), changed.removed.end());
    added_.insert(changed.added.begin(), changed.added.end());
  }

  Comparison run() {
    const bool finished = search_.run({0, 0}, {.visit = [&](uint32_t node) { return visit(node); },
                                               .step = [&](uint32_t node, uint32_t letter,
                                                           const Move &move) { step(node, letter, move); }});
    Comparison result;
    result.pairs = search_.pairs();
    for (const auto &[key, path] : least_) {
      result.classes.push_back({key, {}});
      if (is_of_names(key)) {
        result.classes.back().witnesses.push_back(name_witness(key, path));
      } else {
        result.classes.back().witnesses = level_witnesses(key, path);
      }
    }
    if (!finished && least_.size() < kAllClasses) {
      result.verdict = Comparison::Verdict::over_budget;
    } else if (!least_.empty()) {
      result.verdict = Comparison::Verdict::differs;
    }
    return result;
  }

 private:
  struct Least {
    std::string path;
    Pair pair;
  };
  struct Candidate {
    uint32_t node;
    uint32_t letter;
    uint32_t length;
  };

  [[nodiscard]] std::optional<Difference> change_of(Pair pair) const {
    const PathState &a = product_.old_state(pair), &b = product_.new_state(pair);
    return difference(a.level, a.visible_below, b.level, b.visible_below);
  }

  PathSearch::Then visit(uint32_t node) {
    const PathSearch::Node &at = search_.node(node);
    if (const std::optional<Difference> key = change_of(at.pair)) {
      if (!least_.contains(*key)) least_.emplace(*key, Least{search_.path_of(node), at.pair});
      // A change that no step's label tells of: an exception that opens, a limit that is there no more.
      if (at.from == PathSearch::kStart || change_of(search_.node(at.from).pair) != key) {
        keep({*key, kUntouched, kUntouched}, {at.from, at.letter, at.length});
      }
    }
    const PathState &a = product_.old_state(at.pair), &b = product_.new_state(at.pair);
    if (a.uniform_below && b.uniform_below) {
      return a.below == b.below ? PathSearch::Then::pass : PathSearch::Then::follow_one;
    }
    return PathSearch::Then::follow;
  }

  // A step on which a changed rule begins to decide, into a pair that changes.
  void step(uint32_t node, uint32_t letter, const Move &move) {
    const std::optional<Difference> key = change_of(move.to);
    if (!key) return;
    uint32_t old_rule = decided_by(product_.old_updates(move.old_label), product_.old_state(move.to));
    uint32_t new_rule = decided_by(product_.new_updates(move.new_label), product_.new_state(move.to));
    if (!removed_.contains(old_rule)) old_rule = kUntouched;
    if (!added_.contains(new_rule)) new_rule = kUntouched;
    if (old_rule == kUntouched && new_rule == kUntouched) return;
    const uint32_t length =
        search_.node(node).length + 1 + static_cast<uint32_t>(product_.letters()[letter].name.size());
    keep({*key, old_rule, new_rule}, {node, letter, length});
  }

  static uint32_t decided_by(std::span<const table::SlotUpdate> updates, const PathState &state) {
    const auto it = std::ranges::find(updates, state.deciding_slot, &table::SlotUpdate::slot);
    return it == updates.end() ? kUntouched : it->rule;
  }

  void keep(const std::tuple<Difference, uint32_t, uint32_t> &key, Candidate candidate) {
    if (is_of_names(std::get<0>(key)) || candidates_.size() >= kMaxCandidates) return;
    const auto [it, fresh] = candidates_.try_emplace(key, candidate);
    if (!fresh && candidate.length < it->second.length) it->second = candidate;
  }

  std::vector<Witness> level_witnesses(const Difference &key, const Least &least) {
    std::vector<std::string> paths;
    for (auto it = candidates_.lower_bound({key, 0, 0}); it != candidates_.end(); ++it) {
      if (std::get<0>(it->first) != key) break;
      if (it->second.node != PathSearch::kStart)
        paths.push_back(search_.path_of(it->second.node, it->second.letter));
    }
    std::ranges::sort(paths, path_less);
    paths.insert(paths.begin(), least.path.empty() ? "/" : least.path);
    std::vector<Witness> witnesses;
    std::set<uint32_t> old_shown, new_shown;
    for (std::string &path : paths) {
      const uint32_t old_rule = old_.explain(path).rule, new_rule = new_.explain(path).rule;
      const bool more = (removed_.contains(old_rule) && old_shown.insert(old_rule).second) |
                        (added_.contains(new_rule) && new_shown.insert(new_rule).second);
      if (more || witnesses.empty()) witnesses.push_back({std::move(path), old_rule, new_rule, ""});
    }
    return witnesses;
  }

  // What makes the directory show: the least path below that has a level on the one side.
  Witness name_witness(const Difference &key, const Least &least) {
    PathSearch below(product_, budget_.max_pairs);
    std::string tail;
    const bool in_new = key.change == Change::appears;
    const auto visit = [&](uint32_t node) {
      const Pair pair = below.node(node).pair;
      const PathState &state = in_new ? product_.new_state(pair) : product_.old_state(pair);
      if (state.level == Level::none)
        return state.visible_below ? PathSearch::Then::follow : PathSearch::Then::pass;
      tail = below.path_of(node);
      return PathSearch::Then::stop;
    };
    Witness witness{least.path.empty() ? "/" : least.path, table::kNoRule, table::kNoRule, ""};
    if (!below.run(least.pair, {.visit = visit, .step = {}})) return witness;
    witness.below = least.path + tail;
    witness.old_rule = old_.explain(witness.below).rule;
    witness.new_rule = new_.explain(witness.below).rule;
    return witness;
  }

  const table::Table &old_, &new_;
  const Product &product_;
  CompareBudget budget_;
  PathSearch search_;
  std::set<uint32_t> removed_, added_;
  std::map<Difference, Least> least_;
  std::map<std::tuple<Difference, uint32_t, uint32_t>, Candidate> candidates_;
};

}  // namespace

const char *change_name(Change change) {
  switch (change) {
    case Change::raised:
      return "raised";
    case Change::lowered:
      return "lowered";
    case Change::appears:
      return "appears";
    case Change::vanishes:
      break;
  }
  return "vanishes";
}

std::optional<Difference> difference(Level from, bool old_passage, Level to, bool new_passage) {
  if (from != to) return Difference{to > from ? Change::raised : Change::lowered, from, to};
  if (from != Level::none || old_passage == new_passage) return std::nullopt;
  return Difference{new_passage ? Change::appears : Change::vanishes, Level::none, Level::none};
}

Comparison compare(const table::Table &old_table, const table::Table &new_table,
                   const CompareBudget &budget) {
  const std::optional<Product> product = Product::make(old_table, new_table, budget.max_pairs);
  if (!product) return {.verdict = Comparison::Verdict::over_budget, .classes = {}, .pairs = 0};
  return Comparer(old_table, new_table, *product, budget).run();
}

}  // namespace agentfense::compiler::diff
