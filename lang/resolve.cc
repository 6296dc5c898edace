#include "lang/resolve.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "lang/bind_names.h"
#include "lang/own_rules.h"
#include "lang/place.h"
#include "lang/policy_graph.h"
#include "lang/suggest.h"

namespace agentfense::lang {
namespace {

// An `extends` whose except or seal a rule has passed.
struct Clause {
  uint32_t node = 0;   // the policy that extends
  uint32_t index = 0;  // which of its `extends`
  auto operator<=>(const Clause &) const = default;
};

// A rule on its way down: where it is written and what was added to it. Never copied until the end.
struct Handed {
  uint32_t node = 0;
  uint32_t index = 0;  // into rules, or nevers where `never`
  bool never = false;
  std::vector<Clause> opened;    // by the excepts of these; sorted
  std::optional<Clause> sealed;  // by this one

  [[nodiscard]] auto key() const { return std::tie(node, never, index, opened); }
};

std::string names_of(const std::vector<const ast::Policy *> &policies) {
  std::string out;
  for (size_t i = 0; i < policies.size() && i < 10; ++i) out += (i > 0 ? ", " : "") + policies[i]->name.text;
  return policies.size() > 10 ? out + ", ..." : out;
}

class Resolver {
 public:
  Resolver(const Program &program, const LoadOptions &options, Diagnostics &diagnostics)
      : program_(program), options_(options), diagnostics_(diagnostics) {}

  std::optional<RuleSet> run() {
    std::vector<Scope> scopes = bind_names(program_, options_, budget_, diagnostics_);
    graph_ = build_policy_graph(program_, diagnostics_);
    chosen_ = choose();
    // Every policy is read, chosen or not: an error in it is an error of the file.
    own_.reserve(graph_.nodes.size());
    for (const PolicyNode &node : graph_.nodes) {
      own_.push_back(own_rules(*node.policy, scopes[node.module], budget_, diagnostics_));
      check_clauses(node);
    }
    if (!hand_down() || diagnostics_.has_errors()) return std::nullopt;
    std::optional<RuleSet> rules = assemble();
    const ParamValues &params = scopes[0].params;
    if (rules) rules->params.assign(params.begin(), params.end());
    return rules;
  }

 private:
  uint32_t choose() {
    std::vector<const ast::Policy *> main;  // of the main file alone
    std::vector<std::string_view> names;    // of all that it may name
    for (const PolicyNode &node : graph_.nodes) {
      if (node.module != 0) continue;
      names.push_back(node.policy->name.text);
      if (node.file == 0) main.push_back(node.policy);
    }
    std::string wanted = options_.policy;
    if (wanted.empty() && !program_.modules.empty()) wanted = program_.modules[0].preset;
    if (!wanted.empty()) {
      uint32_t found = graph_.find(0, wanted);
      if (found == kNoPolicy && !program_.broken) {
        diagnostics_.report(
            Code::unknown_policy, Place{},
            "no policy is named `" + wanted + "`" +
                did_you_mean(closest(wanted, names),
                             main.empty() ? "the file defines none" : "there are " + names_of(main)));
      }
      return found;
    }
    if (main.size() == 1) return graph_.find(0, main[0]->name.text);
    if (main.empty()) {
      if (!program_.broken) {
        diagnostics_.report(Code::no_policy, Place{},
                            names.empty()
                                ? "the file defines no policy; write policy NAME { ... }"
                                : "the file itself defines no policy; choose an imported one by --policy");
      }
    } else {
      diagnostics_.report(
          Code::several_policies, Place{},
          "the file defines several policies (" + names_of(main) + "); choose one by --policy");
    }
    return kNoPolicy;
  }

  void check_clauses(const PolicyNode &node) {
    for (const ast::Extends &extends : node.policy->extends) {
      if (extends.sealed && !extends.except.empty()) {
        Diagnostic &d =
            diagnostics_.report(Code::sealed_except, extends.except_place,
                                "`sealed` refuses an except; write `extends` twice where both are meant");
        d.remarks.push_back({extends.sealed_place, "it is sealed here"});
      }
    }
  }

  // Fills handed_ for the chosen one and all that it is built on; false where there is no such policy.
  bool hand_down() {
    if (chosen_ == kNoPolicy || graph_.order.empty()) return false;
    handed_.resize(graph_.nodes.size());
    for (uint32_t node : needed()) {
      if (!hand_down_to(node)) return false;
    }
    return true;
  }

  // What main files define is checked whether chosen or not; a preset only where it is extended.
  std::vector<uint32_t> needed() const {
    std::vector<bool> wanted(graph_.nodes.size());
    std::vector<uint32_t> stack{chosen_};
    for (uint32_t i = 0; i < graph_.nodes.size(); ++i) {
      if (graph_.nodes[i].module == 0) stack.push_back(i);
    }
    while (!stack.empty()) {
      uint32_t node = stack.back();
      stack.pop_back();
      if (wanted[node]) continue;
      wanted[node] = true;
      for (const auto &bases : graph_.nodes[node].bases)
        stack.insert(stack.end(), bases.begin(), bases.end());
    }
    std::vector<uint32_t> out;
    std::copy_if(graph_.order.begin(), graph_.order.end(), std::back_inserter(out),
                 [&](uint32_t node) { return wanted[node]; });
    return out;
  }

  bool hand_down_to(uint32_t node) {
    std::vector<Handed> &list = handed_[node];
    // Equal rules by several ways are one rule, sealed where one of the ways is.
    std::map<decltype(std::declval<const Handed &>().key()), size_t> known;
    const PolicyNode &policy = graph_.nodes[node];
    std::vector<Handed> arriving;
    std::vector<uint32_t> by;  // the clause of each
    for (uint32_t clause = 0; clause < policy.bases.size(); ++clause) {
      if (!pass(node, clause, arriving)) return false;
      by.resize(arriving.size(), clause);
    }
    list.reserve(arriving.size());
    if (node == chosen_) ways_.resize(arriving.size());
    for (size_t i = 0; i < arriving.size(); ++i) {
      Handed &handed = arriving[i];
      auto found = known.find(handed.key());
      if (node == chosen_) ways_[found == known.end() ? list.size() : found->second].push_back(by[i]);
      if (found != known.end()) {
        if (!list[found->second].sealed) list[found->second].sealed = handed.sealed;
        continue;
      }
      list.push_back(std::move(handed));
      known.emplace(list.back().key(), list.size() - 1);
    }
    for (uint32_t i = 0; i < own_[node].rules.size(); ++i) list.push_back({node, i, false, {}, {}});
    for (uint32_t i = 0; i < own_[node].nevers.size(); ++i) list.push_back({node, i, true, {}, {}});
    return true;
  }

  // The rules that one `extends` brings, with its except or seal put on them.
  bool pass(uint32_t node, uint32_t clause, std::vector<Handed> &out) {
    const PolicyNode &policy = graph_.nodes[node];
    const ast::Extends &extends = policy.policy->extends[clause];
    bool any_limit = false;
    std::optional<Clause> sealed;  // what refuses an except here
    for (uint32_t base : policy.bases[clause]) {
      work_ += handed_[base].size();
      if (work_ > kMaxInheritance) {
        diagnostics_.report(Code::too_many_rules, policy.policy->name.place,
                            "`extends` hands down more than " + std::to_string(kMaxInheritance) +
                                " rules in all; extend fewer policies");
        return false;
      }
      for (const Handed &handed : handed_[base]) {
        Handed &copy = out.emplace_back(handed);
        if (handed.never || own_[handed.node].rules[handed.index].kind != Rule::Kind::limit) continue;
        any_limit = true;
        if (!sealed) sealed = handed.sealed;
        if (!extends.except.empty()) {
          Clause opening{node, clause};
          copy.opened.insert(std::upper_bound(copy.opened.begin(), copy.opened.end(), opening), opening);
        }
        if (extends.sealed) copy.sealed = Clause{node, clause};
      }
    }
    if (sealed && !extends.except.empty()) report_sealed(extends, *sealed);
    if (node == chosen_) seals_.push_back(extends.sealed ? Clause{node, clause} : sealed);
    if (!extends.except.empty() && !any_limit && !program_.broken) {
      diagnostics_.report(Code::useless_except, extends.except_place,
                          "this except opens nothing: what is extended has no limits");
    }
    return true;
  }

  void report_sealed(const ast::Extends &extends, const Clause &seal) {
    const ast::Policy &sealer = *graph_.nodes[seal.node].policy;
    Diagnostic &d =
        diagnostics_.report(Code::sealed_except, extends.except_place,
                            "policy `" + sealer.name.text +
                                "` has sealed limits that this except would open; take the except away");
    d.remarks.push_back({sealer.extends[seal.index].sealed_place, "they are sealed here"});
  }

  std::optional<RuleSet> assemble() {
    RuleSet out;
    out.policy = graph_.nodes[chosen_].policy->name.text;
    const std::vector<Handed> &list = handed_[chosen_];
    if (list.size() > kMaxRules) {
      diagnostics_.report(Code::too_many_rules, graph_.nodes[chosen_].policy->name.place,
                          "the policy has " + std::to_string(list.size()) + " rules; there can be " +
                              std::to_string(kMaxRules));
      return std::nullopt;
    }
    for (size_t i = 0; i < list.size(); ++i) {
      const Handed &handed = list[i];
      bool inherited = handed.node != chosen_;
      if (handed.never) {
        NeverRule &never = out.nevers.emplace_back(take(own_[handed.node].nevers[handed.index], inherited));
        never.inherited = inherited;
        continue;
      }
      Rule &rule = out.rules.emplace_back(take(own_[handed.node].rules[handed.index], inherited));
      rule.inherited = inherited;
      if (!inherited) continue;
      rule.extends = std::move(ways_[i]);
      for (const RulePattern &pattern : rule.patterns) {
        if (!charge(pattern, budget_, diagnostics_)) return std::nullopt;
      }
      for (const Clause &clause : handed.opened) {
        for (const RulePattern &pattern : own_[clause.node].extends_except[clause.index]) {
          if (!charge(pattern, budget_, diagnostics_)) return std::nullopt;
          rule.except.push_back(pattern);
        }
      }
    }
    out.tests = std::move(own_[chosen_].tests);
    out.name = graph_.nodes[chosen_].policy->name.place;
    out.end = graph_.nodes[chosen_].policy->end;
    const std::vector<ast::Extends> &clauses = graph_.nodes[chosen_].policy->extends;
    for (size_t i = 0; i < clauses.size(); ++i) out.extends.push_back(describe(clauses[i], seals_[i]));
    return out;
  }

  ExtendsClause describe(const ast::Extends &extends, const std::optional<Clause> &seal) const {
    ExtendsClause out;
    out.text = extends.text;
    out.place = extends.place;
    const Place &last =
        extends.except.empty() ? extends.bases.back().name.place : extends.except.back().place;
    out.items_end = part_of(last, last.length, 0);
    out.has_except = !extends.except.empty();
    if (seal) out.seal = graph_.nodes[seal->node].policy->extends[seal->index].sealed_place;
    return out;
  }

  // Own rules are needed once; inherited ones may come again with another except.
  template <typename T>
  static T take(T &rule, bool keep) {
    return keep ? T(rule) : T(std::move(rule));
  }

  const Program &program_;
  const LoadOptions &options_;
  Diagnostics &diagnostics_;
  PatternBudget budget_;
  PolicyGraph graph_;
  uint32_t chosen_ = kNoPolicy;
  std::vector<std::vector<uint32_t>> ways_;   // for each rule that the chosen one inherits: the clauses
  std::vector<std::optional<Clause>> seals_;  // for each clause of the chosen one: what refuses an except
  std::vector<OwnRules> own_;                 // one for each node
  std::vector<std::vector<Handed>> handed_;   // likewise: inherited first, then its own
  size_t work_ = 0;
};

}  // namespace

std::optional<RuleSet> resolve(const Program &program, const LoadOptions &options, Diagnostics &diagnostics) {
  return Resolver(program, options, diagnostics).run();
}

}  // namespace agentfense::lang
