#include "compiler/explain/changes.h"

#include <algorithm>
#include <tuple>

#include "compiler/explain/path_cover.h"

namespace agentfense::compiler {
namespace {

using lang::Level;
using lang::Rule;

// The search for one level. Only the rules that cover the path are looked at.
class Search {
 public:
  Search(const lang::RuleSet &rules, std::string_view path, const Explanation &explanation, Level wanted)
      : rules_(rules), explanation_(explanation), depth_(path_names(path).size()), wanted_(wanted) {}

  Change run() {
    Change change;
    change.level = wanted_;
    try_removals();
    if (wanted_ < explanation_.level) {
      take({{Edit::Kind::add_limit, wanted_}});
    } else {
      std::vector<Edit> edits;
      if (explanation_.allowed < wanted_) edits.push_back({Edit::Kind::add_allow, wanted_});
      open_next(edits, change);
    }
    std::ranges::stable_sort(found_, {}, [&](const std::vector<Edit> &e) { return cost(e); });
    for (std::vector<Edit> &edits : found_) {
      if (change.ways.size() < kMaxWays) change.ways.push_back({std::move(edits), std::nullopt});
    }
    if (!change.ways.empty()) {
      change.hindrance = Change::Hindrance::none;
      change.limit = kNoRule;
      change.seal.reset();
    } else if (change.hindrance == Change::Hindrance::none) {
      change.hindrance = Change::Hindrance::too_many;
    }
    return change;
  }

 private:
  [[nodiscard]] const Rule &rule(const CoveringRule &c) const { return rules_.rules[c.rule]; }

  [[nodiscard]] static bool has(const std::vector<Edit> &edits, Edit::Kind kind, uint32_t at) {
    return std::ranges::find(edits, Edit{kind, Level::none, at}) != edits.end();
  }

  [[nodiscard]] bool removed(const Rule &r, const std::vector<Edit> &edits) const {
    return std::ranges::any_of(edits, [&](const Edit &e) {
      return e.kind == Edit::Kind::remove_rule && same_statement(rules_.rules[e.at], r);
    });
  }

  [[nodiscard]] bool opened(const Rule &r, const std::vector<Edit> &edits) const {
    if (has(edits, Edit::Kind::except_at_extends, kNewPolicy)) return true;
    const bool by_clauses = !r.extends.empty() && std::ranges::all_of(r.extends, [&](uint32_t clause) {
      return has(edits, Edit::Kind::except_at_extends, clause);
    });
    return by_clauses || std::ranges::any_of(edits, [&](const Edit &e) {
             return e.kind == Edit::Kind::except_at_limit && same_statement(rules_.rules[e.at], r);
           });
  }

  [[nodiscard]] Level level_after(const std::vector<Edit> &edits) const {
    Level allowed = Level::none;
    Level limit = Level::write;
    for (const Edit &e : edits) {
      if (e.kind == Edit::Kind::add_allow) allowed = std::max(allowed, e.level);
      if (e.kind == Edit::Kind::add_limit) limit = std::min(limit, e.level);
    }
    for (const CoveringRule &c : explanation_.covering) {
      if (removed(rule(c), edits)) continue;
      if (rule(c).kind == Rule::Kind::allow) {
        allowed = std::max(allowed, rule(c).level);
      } else if (c.standing != Standing::opened && !opened(rule(c), edits)) {
        limit = std::min(limit, rule(c).level);
      }
    }
    return std::min(allowed, limit);
  }

  // Keeps a set of edits that gives the level and is no larger than the best so far.
  void take(std::vector<Edit> edits) {
    std::ranges::sort(edits, {}, [](const Edit &e) { return std::tuple(e.kind, e.at, e.level); });
    if (edits.size() > best_ || level_after(edits) != wanted_) return;
    if (edits.size() < best_) found_.clear();
    best_ = edits.size();
    if (std::ranges::find(found_, edits) == found_.end()) found_.push_back(std::move(edits));
  }

  void try_removals() {
    for (const CoveringRule &c : explanation_.covering) {
      if (c.length == depth_ && !is_preset(rules_, rule(c).place)) {
        take({{Edit::Kind::remove_rule, Level::none, c.rule}});
      }
    }
  }

  // Opens, by every way there is, the first limit that is in the way and still shut.
  void open_next(const std::vector<Edit> &edits, Change &change) {
    if (edits.size() > best_ || found_.size() > kMaxFound) return;
    const CoveringRule *shut = nullptr;
    for (const CoveringRule &c : explanation_.covering) {
      const Rule &r = rule(c);
      if (r.kind == Rule::Kind::limit && r.level < wanted_ && c.standing != Standing::opened &&
          !opened(r, edits)) {
        shut = &c;
        break;
      }
    }
    if (!shut) {
      std::vector<Edit> whole = edits;
      if (level_after(whole) > wanted_) whole.push_back({Edit::Kind::add_limit, wanted_});
      take(std::move(whole));
      return;
    }
    bool any = false;
    if (!is_preset(rules_, rule(*shut).place)) {
      any = true;
      open_by(edits, {{Edit::Kind::except_at_limit, Level::none, shut->rule}}, change);
    }
    std::vector<Edit> clauses;
    if (is_preset(rules_)) {
      clauses.push_back({Edit::Kind::except_at_extends, Level::none, kNewPolicy});
    } else {
      for (const uint32_t c : rule(*shut).extends) {
        if (!has(edits, Edit::Kind::except_at_extends, c))
          clauses.push_back({Edit::Kind::except_at_extends, Level::none, c});
      }
    }
    if (const std::optional<lang::Place> seal = seal_of(rule(*shut))) {
      change.seal = seal;
    } else if (!clauses.empty()) {
      any = true;
      open_by(edits, clauses, change);
    }
    if (!any) {
      change.hindrance = Change::Hindrance::sealed;
      change.limit = shut->rule;
    }
  }

  // What refuses an except at the clauses that bring the rule.
  [[nodiscard]] std::optional<lang::Place> seal_of(const Rule &r) const {
    for (uint32_t c = 0; c < rules_.extends.size(); ++c) {
      const bool concerned = is_preset(rules_) || std::ranges::find(r.extends, c) != r.extends.end();
      if (concerned && rules_.extends[c].seal) return rules_.extends[c].seal;
    }
    return std::nullopt;
  }

  void open_by(std::vector<Edit> edits, const std::vector<Edit> &more, Change &change) {
    edits.insert(edits.end(), more.begin(), more.end());
    open_next(edits, change);
  }

  // Narrow before wide: the policy's own statement, its `extends`, another policy's statement, a rule less.
  [[nodiscard]] int cost(const std::vector<Edit> &edits) const {
    int sum = 0;
    for (const Edit &e : edits) {
      if (e.kind == Edit::Kind::except_at_extends) sum += 1;
      if (e.kind == Edit::Kind::except_at_limit && rules_.rules[e.at].inherited) sum += 2;
      if (e.kind == Edit::Kind::remove_rule) sum += 3;
    }
    return sum;
  }

  static constexpr size_t kMaxFound = 64;

  const lang::RuleSet &rules_;
  const Explanation &explanation_;
  const size_t depth_;
  const Level wanted_;
  size_t best_ = kMaxEdits;
  std::vector<std::vector<Edit>> found_;
};

bool breaks_nothing(const Way &way) { return way.breaks && way.breaks->empty(); }

}  // namespace

std::vector<Change> find_changes(const lang::RuleSet &rules, std::string_view path,
                                 const Explanation &explanation) {
  std::vector<Change> changes;
  const bool spellable = spell_path(path).has_value();
  ContradictionSearch contradictions(rules, path);
  for (const Level wanted : {Level::write, Level::read, Level::view, Level::none}) {
    if (wanted == explanation.level) continue;
    if (!spellable) {
      changes.push_back({wanted, {}, Change::Hindrance::unspellable, kNoRule, std::nullopt});
      continue;
    }
    Change &change = changes.emplace_back(Search(rules, path, explanation, wanted).run());
    for (Way &way : change.ways) way.breaks = contradictions.of(way.edits);
    std::ranges::stable_partition(change.ways, breaks_nothing);
  }
  return changes;
}

}  // namespace agentfense::compiler
