#include <algorithm>
#include <string>

#include "compiler/analysis/checks.h"
#include "compiler/automaton/path_state.h"

namespace agentfense::compiler {
namespace {

using lang::Level;

// Whether the limit lowers something that the rules of `stepper` leave higher.
class Work {
 public:
  Work(Scope &scope, const lang::Rule &rule, const PathStepper &stepper)
      : scope_(scope),
        rule_(rule),
        stepper_(stepper),
        patterns_(rule.patterns, scope.alphabet),
        except_(rule.except, scope.alphabet) {}

  // Most limits are found to work at once, or at the first allow that they meet; for the others, and for
  // the proof that there is no work, all paths are looked at.
  [[nodiscard]] Found find() const {
    constexpr uint64_t kAtOnce = 100;
    Found found = search(kAtOnce);
    if (!found.over_budget) return found;
    for (const lang::Rule &allow : scope_.rules.rules) {
      if (allow.kind != lang::Rule::Kind::allow || allow.level <= rule_.level) continue;
      found = search_below(allow, kAtOnce);
      if (found.path) return found;
    }
    return search(scope_.budget());
  }

 private:
  [[nodiscard]] Found search(uint64_t max_steps) const {
    const World world = rules_world(scope_.automaton, scope_.alphabet, stepper_);
    RuleSearch search(scope_.alphabet, world, patterns_, {&except_});
    search.leave_where([&](const Here &h) { return h.beside[0] || hopeless(h); });
    return scope_.spend(
        search.some([&](const Here &h) { return h.covered && !h.beside[0] && left_higher(h); }, max_steps));
  }

  [[nodiscard]] Found search_below(const lang::Rule &allow, uint64_t max_steps) const {
    const World world = rules_world(scope_.automaton, scope_.alphabet, stepper_, Choice::few);
    const PatternWalk allowed(allow.patterns, scope_.alphabet);
    RuleSearch search(scope_.alphabet, world, allowed, {&patterns_, &except_});
    search.leave_where([&](const Here &h) { return h.beside[1] || hopeless(h); });
    return scope_.spend(
        search.some([&](const Here &h) { return h.covered && h.beside[0] && !h.beside[1] && left_higher(h); },
                    std::min(scope_.budget(), max_steps)));
  }

  [[nodiscard]] bool hopeless(const Here &h) const {
    return stepper_.reach(decode_state(h.world)) <= rule_.level;
  }
  [[nodiscard]] bool left_higher(const Here &h) const {
    return PathStepper::effect(decode_state(h.world)).level > rule_.level;
  }

  Scope &scope_;
  const lang::Rule &rule_;
  const PathStepper &stepper_;
  PatternWalk patterns_;
  PatternWalk except_;
};

void report(Scope &scope, uint32_t r, lang::Diagnostics &diagnostics) {
  const lang::Rule &rule = scope.rules.rules[r];
  std::string example = least_covered(scope, rule.patterns, rule.except);
  const bool opened_by_itself = example.empty();
  if (opened_by_itself) example = least_covered(scope, rule.patterns);
  std::string why;
  bool idle = true;
  if (rule.level == Level::write) {
    why = "no level is above write";
  } else if (opened_by_itself) {
    why = "its own exceptions open everything that it covers";
  } else {
    const PathStepper allows(scope.automaton.trie, kSkipNothing, true);
    const Found opened = Work(scope, rule, allows).find();
    idle = !opened.path && !opened.over_budget;
    why = idle ? std::string("nothing that it covers is allowed above ") + lang::level_name(rule.level)
               : "other limits already hold everything that it covers";
  }
  lang::Diagnostic &d = diagnostics.report(lang::Code::redundant_limit, rule.place,
                                           "`" + rule.text + "` changes nothing: " + why);
  if (idle && !rule.inherited) d.severity = lang::Severity::warning;
  d.example = example;
  if (!idle) remark_decider(scope, example, r, d);
}

}  // namespace

void check_redundant_limits(Scope &scope, lang::Diagnostics &diagnostics) {
  Undecided undecided;
  for (uint32_t r = 0; r < scope.rules.rules.size(); ++r) {
    const lang::Rule &rule = scope.rules.rules[r];
    if (rule.kind != lang::Rule::Kind::limit) continue;
    if (rule.level < Level::write) {
      const PathStepper others(scope.automaton.trie, r);
      const Found work = Work(scope, rule, others).find();
      if (work.path) continue;
      if (work.over_budget) {
        undecided.add(rule.place);
        continue;
      }
    }
    report(scope, r, diagnostics);
  }
  undecided.report("lowers anything", diagnostics);
}

}  // namespace agentfense::compiler
