#include <algorithm>
#include <string>

#include "compiler/analysis/checks.h"
#include "compiler/analysis/pattern_walk.h"
#include "compiler/analysis/search.h"
#include "compiler/analysis/walk_path.h"
#include "compiler/automaton/path_state.h"

namespace agentfense::compiler {
namespace {

using lang::Level;

constexpr uint64_t kMaxConfigsPerRule = 200'000;
constexpr uint64_t kMaxConfigs = 4'000'000;

// A configuration: number of position words, the rule's positions, then the path state of all other
// rules. The rule lives where it covers a path and lifts the level above what the others give.
class Liveness {
 public:
  Liveness(const lang::RuleSet &rules, const Automaton &a, uint32_t rule)
      : a_(a),
        level_(rules.rules[rule].level),
        stepper_(a.trie, rule),
        walk_(rules.rules[rule].patterns, a.trie) {}

  // Almost every rule lives on the straight way down its own pattern; only where it does not there
  // are the names looked at that lead past it.
  Search search(uint64_t max_configs) {
    Search straight = run(max_configs, false);
    return straight.path ? straight : run(max_configs, true);
  }

  // The shortest path that the rule covers at all.
  [[nodiscard]] std::string covered_path() const {
    SearchSteps steps;
    steps.accept = [](const Config &c) { return PatternWalk::covered(c); };
    steps.expand = [&](const Config &c, const auto &offer) {
      for (const uint32_t x : letters_for(c)) offer(a_.names.witness[x], walk_.step(c, a_.names.letters[x]));
    };
    return shortest_path(walk_.start(), steps, kMaxConfigsPerRule).path.value_or("");
  }

 private:
  Search run(uint64_t max_configs, bool detours) {
    SearchSteps steps;
    steps.accept = [&](const Config &c) {
      const PathState state = state_of(c);
      if (!PatternWalk::covered(positions_of(c))) return false;
      Level limit = Level::write;
      for (const HeldLimit &l : state.limits) limit = std::min(limit, l.level);
      return std::min(std::max(state.allowed, level_), limit) > std::min(state.allowed, limit);
    };
    steps.expand = [&, detours](const Config &c, const auto &offer) { expand(c, detours, offer); };
    std::vector<ProvenanceUpdate> updates;
    return shortest_path(config(walk_.start(), stepper_.start(updates)), steps, max_configs);
  }

  static Config config(const PatternWalk::Positions &at, const PathState &state) {
    Config words;
    encode_state(state, words);
    Config c{static_cast<uint32_t>(at.size())};
    c.insert(c.end(), at.begin(), at.end());
    c.insert(c.end(), words.begin(), words.end());
    return c;
  }
  static PatternWalk::Positions positions_of(const Config &c) {
    return {c.begin() + 1, c.begin() + 1 + c[0]};
  }
  static PathState state_of(const Config &c) {
    return decode_state(std::span<const uint32_t>(c).subspan(1 + c[0]));
  }

  [[nodiscard]] std::vector<uint32_t> letters_for(const PatternWalk::Positions &at) const {
    std::vector<GlobId> globs;
    walk_.waiting(at, globs);
    std::vector<uint32_t> letters;
    for (const GlobId g : globs)
      letters.insert(letters.end(), a_.names.letters_of[g].begin(), a_.names.letters_of[g].end());
    std::ranges::sort(letters);
    letters.erase(std::unique(letters.begin(), letters.end()), letters.end());
    return letters;
  }

  void expand(const Config &c, bool detours,
              const std::function<void(const std::string &, Config)> &offer) const {
    const PatternWalk::Positions at = positions_of(c);
    const PathState state = state_of(c);
    if (at.empty() || state.allowed >= level_) return;  // what others allow stays allowed
    std::vector<uint32_t> letters = letters_for(at);
    if (detours && walk_.lingers(at)) {
      for (const uint32_t n : state.nodes) {
        for (const auto &[glob, child] : a_.trie.nodes[n].edges) {
          letters.insert(letters.end(), a_.names.letters_of[glob].begin(), a_.names.letters_of[glob].end());
        }
      }
      std::ranges::sort(letters);
      letters.erase(std::unique(letters.begin(), letters.end()), letters.end());
      // One letter that nothing waits for stands for all of those.
      for (uint32_t x = 0; x < a_.names.letters.size(); ++x) {
        if (x < letters.size() && letters[x] == x) continue;
        letters.insert(letters.begin() + x, x);
        break;
      }
    }
    for (const uint32_t x : letters) {
      std::vector<uint32_t> entered;
      stepper_.entered_by(state.nodes, a_.names.letters[x], entered);
      std::vector<ProvenanceUpdate> updates;
      offer(a_.names.witness[x],
            config(walk_.step(at, a_.names.letters[x]), stepper_.advance(state, entered, updates)));
    }
  }

  const Automaton &a_;
  Level level_;
  PathStepper stepper_;
  PatternWalk walk_;
};

void report(const lang::RuleSet &rules, const Automaton &a, uint32_t r, const std::string &covered,
            lang::Diagnostics &diagnostics) {
  const lang::Rule &rule = rules.rules[r];
  const WalkedPath there = walk_path(a, covered);
  const bool capped = there.rule != kNoRule && rules.rules[there.rule].kind == lang::Rule::Kind::limit;
  std::string why = capped ? "a limit holds everything that it covers at a lower level"
                           : "other rules already allow everything that it covers";
  lang::Diagnostic &d =
      diagnostics.report(lang::Code::dead_rule, rule.place, "`" + rule.text + "` changes nothing: " + why);
  if (rule.inherited) d.severity = lang::Severity::note;
  d.example = covered;
  if (there.rule != kNoRule && there.rule != r) {
    const lang::Rule &other = rules.rules[there.rule];
    d.remarks.push_back({other.place, "decided by `" + other.text + "`"});
  }
  // Who writes `allow view /data` below `allow read /` wants less there, not more.
  if (!rule.inherited && !capped && there.level > rule.level) {
    constexpr uint32_t kAllowLength = 5;
    lang::Place keyword = rule.place;
    keyword.length = kAllowLength;
    d.fixes.push_back({keyword, "limit"});
  }
}

}  // namespace

void check_dead_rules(const lang::RuleSet &rules, const Automaton &automaton,
                      lang::Diagnostics &diagnostics) {
  uint64_t spent = 0;
  uint32_t undecided = 0;
  uint32_t first_undecided = 0;
  for (uint32_t r = 0; r < rules.rules.size(); ++r) {
    if (rules.rules[r].kind != lang::Rule::Kind::allow) continue;
    Liveness liveness(rules, automaton, r);
    const Search search = liveness.search(spent < kMaxConfigs ? kMaxConfigsPerRule : 0);
    spent += search.configs;
    if (search.path) continue;
    if (search.over_budget) {
      if (undecided++ == 0) first_undecided = r;
      continue;
    }
    report(rules, automaton, r, liveness.covered_path(), diagnostics);
  }
  if (undecided > 0) {
    lang::Diagnostic &d = diagnostics.report(
        lang::Code::too_complex, rules.rules[first_undecided].place,
        "whether this rule" +
            (undecided > 1 ? " and " + std::to_string(undecided - 1) + " more" : std::string()) +
            " change anything could not be decided within the budget; the table is not affected");
    d.severity = lang::Severity::note;
  }
}

}  // namespace agentfense::compiler
