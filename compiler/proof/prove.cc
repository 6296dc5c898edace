#include "compiler/proof/prove.h"

#include <algorithm>
#include <optional>
#include <set>
#include <unordered_set>

#include "compiler/proof/joint_names.h"
#include "compiler/proof/rule_walk.h"

namespace agentfense::compiler {
namespace {

using proof::GlobNumbers;
using proof::JointLetter;
using proof::RuleWalk;
using proof::Standing;
using table::Image;

// How all paths are compared without stepping each pair through each letter.
//
// A pair is (table state p, standing S of the rules). For a letter x that no passing node of S waits
// for and that p does not list as an exception, p goes where its base row goes, and S where its
// lasting part L goes. Both depend on (base row, L) alone. So each (base row, L) is stepped through
// the letters once, and each pair only through the letters that make it special. Every pair that
// some path reaches is still visited: nothing is assumed about how the table was made.
class Prover {
 public:
  Prover(const lang::RuleSet &rules, const table::Table &table, const ProofBudget &budget)
      : rules_(rules), image_(table.image()), budget_(budget), walk_(rules, globs_) {}

  Proof run() {
    std::optional<std::vector<JointLetter>> letters =
        proof::joint_names(image_.classifier, globs_.all(), budget_.max_pairs);
    if (!letters) {
      proof_.verdict = Proof::Verdict::over_budget;
      return proof_;
    }
    letters_ = std::move(*letters);
    letters_of_class_.resize(image_.component_classes);
    letters_of_glob_.resize(globs_.all().size());
    for (uint32_t x = 0; x < letters_.size(); ++x) {
      letters_of_class_[letters_[x].component_class].push_back(x);
      for (const uint32_t g : letters_[x].globs) letters_of_glob_[g].push_back(x);
    }

    std::vector<uint32_t> met;
    Standing start = walk_.start(met);
    check_label({0, image_.start_label}, met, kNone, 0);
    visit(0, standing_id(std::move(start)), kNone, 0);
    for (uint32_t i = 0; i < pairs_.size() && !failed_; ++i) {
      if (pairs_.size() > budget_.max_pairs) {
        proof_.verdict = Proof::Verdict::over_budget;
        break;
      }
      expand(i);
    }
    proof_.pairs = pairs_.size();
    return proof_;
  }

 private:
  static constexpr uint32_t kNone = 0xffffffff;
  struct Pair {
    uint32_t state;
    uint32_t standing;
    uint32_t from;  // pair
    uint32_t letter;
  };

  uint32_t standing_id(Standing s) {
    const auto [it, fresh] =
        standing_ids_.try_emplace(std::move(s), static_cast<uint32_t>(standings_.size()));
    if (fresh) standings_.push_back(&it->first);
    return it->second;
  }

  [[nodiscard]] std::string path_of(uint32_t pair) const {
    std::vector<const std::string *> names;
    for (uint32_t at = pair; at != kNone && pairs_[at].from != kNone; at = pairs_[at].from) {
      names.push_back(&letters_[pairs_[at].letter].name);
    }
    std::string path;
    for (auto it = names.rbegin(); it != names.rend(); ++it) path += "/" + **it;
    return path.empty() ? "/" : path;
  }

  void fail(std::string path, std::string detail) {
    if (failed_) return;
    failed_ = true;
    proof_.verdict = Proof::Verdict::differs;
    proof_.path = std::move(path);
    proof_.detail = std::move(detail);
  }

  void visit(uint32_t state, uint32_t standing, uint32_t from, uint32_t letter) {
    if (!seen_.insert(uint64_t{state} << 32 | standing).second) return;
    pairs_.push_back({state, standing, from, letter});
    const lang::Level rules_say = RuleWalk::level(*standings_[standing], walk_);
    const auto table_says = static_cast<lang::Level>(image_.states[state].level);
    if (rules_say != table_says) {
      fail(path_of(static_cast<uint32_t>(pairs_.size() - 1)),
           std::string("the table says ") + lang::level_name(table_says) + ", the rules say " +
               lang::level_name(rules_say));
    }
  }

  // Where the row of `state` leads for a class, exceptions left aside.
  [[nodiscard]] table::Step base_step(uint32_t base_row, uint32_t component_class) const {
    if (base_row & table::kConstantRow) return {base_row & ~table::kConstantRow, 0};
    return image_.base_rows[size_t{base_row} * image_.component_classes + component_class];
  }

  [[nodiscard]] table::Step step(uint32_t state, uint32_t component_class) const {
    const table::RowRef &row = image_.states[state].row;
    const auto begin = image_.exceptions.begin() + row.exception_begin;
    const auto end = begin + row.exception_count;
    const auto it = std::lower_bound(begin, end, component_class,
                                     [](const table::PathException &e, uint32_t c) { return e.symbol < c; });
    return it != end && it->symbol == component_class ? it->step : base_step(row.base_row, component_class);
  }

  void expand(uint32_t i) {
    const Pair pair = pairs_[i];
    const Standing standing = *standings_[pair.standing];
    const table::RowRef row = image_.states[pair.state].row;

    std::set<uint32_t> special;
    std::vector<uint32_t> globs;
    walk_.passing_globs(standing, globs);
    for (const uint32_t g : globs) special.insert(letters_of_glob_[g].begin(), letters_of_glob_[g].end());
    for (uint32_t e = row.exception_begin; e < row.exception_begin + row.exception_count; ++e) {
      const std::vector<uint32_t> &letters = letters_of_class_[image_.exceptions[e].symbol];
      special.insert(letters.begin(), letters.end());
    }
    for (const uint32_t x : special) follow(i, standing, step(pair.state, letters_[x].component_class), x);
    expand_base(i, row.base_row, walk_.lasting(standing), special);
  }

  // Steps (base row, L) through all letters, once. Letters in `special` are not this pair's, but
  // another pair may lean on the same row and L with other special ones, so none may be left out;
  // a pair reached that way alone would be reached by no path, and must not be compared.
  void expand_base(uint32_t i, uint32_t base_row, Standing lasting, const std::set<uint32_t> &special) {
    const uint32_t l = standing_id(std::move(lasting));
    std::vector<uint32_t> &missing = uncovered_.try_emplace(uint64_t{base_row} << 32 | l).first->second;
    const bool first = covered_.insert(uint64_t{base_row} << 32 | l).second;
    const Standing &standing = *standings_[l];
    if (!first) {
      std::erase_if(missing, [&](uint32_t x) {
        if (special.contains(x)) return false;
        follow(i, standing, base_step(base_row, letters_[x].component_class), x);
        return true;
      });
      return;
    }
    std::vector<uint32_t> letters;
    if (base_row & table::kConstantRow) {
      // All letters that no node of L waits for lead the same way: one of them stands for all.
      std::vector<uint32_t> globs;
      walk_.waiting_globs(standing, globs);
      std::set<uint32_t> waited;
      for (const uint32_t g : globs) waited.insert(letters_of_glob_[g].begin(), letters_of_glob_[g].end());
      letters.assign(waited.begin(), waited.end());
      uint32_t quiet = kNone;
      for (uint32_t x = 0; x < letters_.size() && quiet == kNone; ++x) {
        if (!waited.contains(x) && !special.contains(x)) quiet = x;
      }
      if (quiet != kNone) {
        letters.push_back(quiet);
      } else {
        for (uint32_t x = 0; x < letters_.size(); ++x) {
          if (!waited.contains(x)) letters.push_back(x);
        }
      }
    } else {
      letters.resize(letters_.size());
      for (uint32_t x = 0; x < letters.size(); ++x) letters[x] = x;
    }
    for (const uint32_t x : letters) {
      if (special.contains(x)) {
        missing.push_back(x);
      } else {
        follow(i, standing, base_step(base_row, letters_[x].component_class), x);
      }
    }
  }

  void follow(uint32_t from, const Standing &standing, table::Step step, uint32_t letter) {
    met_.clear();
    Standing next = walk_.step(standing, letters_[letter].globs, met_);
    visit(step.target, standing_id(std::move(next)), from, letter);
    check_label(step, met_, from, letter);
  }

  // A rule that the table puts into a slot here must cover the path from here on, as what it is; where
  // its slot decides, it must have the level that it decides. And where the level falls, or an allow
  // lifts it, the slot that decides must be told who did it.
  void check_label(table::Step step, const std::vector<uint32_t> &met, uint32_t from, uint32_t letter) {
    const table::PathState &to = image_.states[step.target];
    const auto blame = [&](const std::string &what) {
      fail(from == kNone ? "/"
                         : (pairs_[from].from == kNone ? "" : path_of(from)) + "/" + letters_[letter].name,
           what);
    };
    bool told = false;
    for (const table::SlotUpdate &u : image_.labels[step.label]) {
      const lang::Rule &rule = rules_.rules[u.rule];
      const bool covers = std::ranges::find(met, u.rule) != met.end();
      if (!covers || (rule.kind == lang::Rule::Kind::limit) != (u.slot != 0)) {
        blame("the table names a deciding rule that does not speak there: " + rule.text);
      } else if (u.slot == to.deciding_slot &&
                 static_cast<uint8_t>(rule.level) != static_cast<uint8_t>(to.level)) {
        blame("the table names a deciding rule of another level: " + rule.text);
      }
      told = told || u.slot == to.deciding_slot;
    }
    const table::Level before = from == kNone ? table::Level::none : image_.states[pairs_[from].state].level;
    const bool fell = from != kNone && to.level < before;
    const bool lifted = to.deciding_slot == 0 && to.level > before &&
                        (from == kNone || image_.states[pairs_[from].state].deciding_slot == 0);
    if (!told && (fell || lifted)) blame("the table does not say which rule decides from here on");
  }

  const lang::RuleSet &rules_;
  Image image_;
  ProofBudget budget_;
  GlobNumbers globs_;
  RuleWalk walk_;
  std::vector<JointLetter> letters_;
  std::vector<std::vector<uint32_t>> letters_of_class_, letters_of_glob_;
  std::map<Standing, uint32_t> standing_ids_;
  std::vector<const Standing *> standings_;
  std::unordered_set<uint64_t> seen_, covered_;
  std::unordered_map<uint64_t, std::vector<uint32_t>> uncovered_;
  std::vector<Pair> pairs_;
  std::vector<uint32_t> met_;
  Proof proof_;
  bool failed_ = false;
};

}  // namespace

Proof prove(const lang::RuleSet &rules, const table::Table &table, const ProofBudget &budget) {
  return Prover(rules, table, budget).run();
}

}  // namespace agentfense::compiler
