#include "compiler/tree/survey.h"

#include <algorithm>

#include "compiler/analysis/walk_path.h"
#include "compiler/tree/linked_files.h"
#include "compiler/tree/pattern_cover.h"
#include "compiler/tree/stale_patterns.h"
#include "compiler/tree/walk_tree.h"
#include "lang/print_diagnostics.h"

namespace agentfense::compiler {
namespace {

// The automaton's state in each directory on the way down, and the rule in each provenance slot, with
// what a directory changed in the slots so that leaving it can undo that.
class Descent {
 public:
  explicit Descent(const Automaton &automaton) : a_(automaton), slots_(automaton.slots, kNoRule) {
    for (const ProvenanceUpdate &u : a_.labels[a_.start_label]) slots_[u.slot] = u.rule;
    states_.push_back(a_.paths.start);
  }

  [[nodiscard]] Edge edge(uint32_t letter) const { return a_.paths.row(states_.back(), letter); }

  // Who decides at the end of an edge from the directory at hand.
  [[nodiscard]] uint32_t rule_after(const Edge &edge) const {
    const uint32_t slot = a_.facts[edge.target].slot;
    const std::vector<ProvenanceUpdate> &updates = a_.labels[edge.label];
    const auto it = std::ranges::find(updates, slot, &ProvenanceUpdate::slot);
    return it == updates.end() ? slots_[slot] : it->rule;
  }

  void enter(const Edge &edge) {
    std::vector<ProvenanceUpdate> &before = undo_.emplace_back();
    for (const ProvenanceUpdate &u : a_.labels[edge.label]) {
      before.push_back({u.slot, slots_[u.slot]});
      slots_[u.slot] = u.rule;
    }
    states_.push_back(edge.target);
  }

  void leave() {
    for (const ProvenanceUpdate &u : undo_.back()) slots_[u.slot] = u.rule;
    undo_.pop_back();
    states_.pop_back();
  }

 private:
  const Automaton &a_;
  std::vector<uint32_t> slots_;
  std::vector<uint32_t> states_;
  std::vector<std::vector<ProvenanceUpdate>> undo_;
};

}  // namespace

std::variant<TreeSurvey, std::string> survey_tree(const std::string &dir, const lang::RuleSet &rules,
                                                  const Automaton &automaton, const TreeOptions &options,
                                                  lang::Diagnostics &diagnostics) {
  TreeSurvey survey;
  survey.dir = dir;
  survey.decided.resize(rules.rules.size());
  Descent descent(automaton);
  PatternCover cover(rules, automaton.trie);
  LinkedFiles linked;
  const NameAutomaton &names = automaton.names;

  uint64_t seen = 0;
  TreeVisitor visitor;
  visitor.want_links = true;
  visitor.entry = [&](const std::string &parent, const TreeEntry &entry) {
    if (options.progress) options.progress(++seen);
    const uint32_t letter = names.letter_of(entry.name);
    const Edge edge = descent.edge(letter);
    const lang::Level level = automaton.facts[edge.target].level;
    const uint32_t rule = descent.rule_after(edge);
    ++survey.by_level[static_cast<size_t>(level)];
    ++(rule == kNoRule ? survey.decided_by_none : survey.decided[rule]);
    cover.see(names.letters[letter]);
    if (entry.links > 1) linked.see(entry, parent + "/" + std::string(entry.name), level, rule);
  };
  visitor.enter = [&](std::string_view name) {
    const uint32_t letter = names.letter_of(name);
    cover.enter(names.letters[letter]);
    descent.enter(descent.edge(letter));
  };
  visitor.leave = [&] {
    descent.leave();
    cover.leave();
  };

  std::string error;
  const std::optional<TreeCounts> counts = walk_tree(dir, visitor, error);
  if (!counts) return "`" + lang::escape_bytes(dir) + "` cannot be listed: " + error + "; name a directory";
  survey.entries = counts->entries;
  survey.directories = counts->directories;
  survey.unreadable = counts->unreadable;
  report_stale_patterns(rules, cover, survey.unreadable > 0, diagnostics);
  linked.report(rules, diagnostics);
  return survey;
}

}  // namespace agentfense::compiler
