#include <algorithm>

#include "compiler/diff/print.h"
#include "lang/print_diagnostics.h"
#include "lang/rules.h"

namespace agentfense::compiler::diff {
namespace {

std::string level(table::Level level) { return lang::level_name(static_cast<lang::Level>(level)); }

std::string rule_text(const table::Table &table, uint32_t index) {
  if (index == table::kNoRule) return "no rule allows it";
  const table::RuleView rule = table.rule(index);
  return lang::escape_bytes(rule.file) + ":" + std::to_string(rule.line) + " " + lang::escape_text(rule.text);
}

const char *heading(Change change) {
  switch (change) {
    case Change::raised:
      return "raised";
    case Change::lowered:
      return "lowered";
    case Change::appears:
      return "directories that show now, for what is visible below them";
    case Change::vanishes:
      break;
  }
  return "directories that no longer show";
}

std::string arrow(const Difference &d) {
  if (d.change == Change::appears) return "hidden -> shown";
  if (d.change == Change::vanishes) return "shown -> hidden";
  return level(d.from) + " -> " + level(d.to);
}

class Printer {
 public:
  Printer(const Findings &findings, const TextLimits &limits) : f_(findings), limits_(limits) {}

  std::string run() {
    std::optional<Change> group;
    for (const ChangeClass &c : f_.comparison->classes) {
      if (group != c.difference.change) out_ += std::string(heading(c.difference.change)) + ":\n";
      group = c.difference.change;
      print(c);
    }
    print_rules("only in " + f_.old_name, *f_.old_table, f_.rules.removed);
    print_rules("only in " + f_.new_name, *f_.new_table, f_.rules.added);
    if (f_.tree) print(*f_.tree);
    return std::move(out_);
  }

 private:
  void print(const ChangeClass &c) {
    for (size_t i = 0; i < std::min(c.witnesses.size(), limits_.witnesses); ++i) {
      const Witness &w = c.witnesses[i];
      out_ += "  " + arrow(c.difference) + "  " + lang::escape_bytes(w.path) + "  (";
      if (!w.below.empty()) out_ += "for " + lang::escape_bytes(w.below) + "; ";
      out_ += "new: " + rule_text(*f_.new_table, w.new_rule) +
              "; old: " + rule_text(*f_.old_table, w.old_rule) + ")\n";
    }
    more(c.witnesses.size(), limits_.witnesses, "by other rules");
  }

  void print_rules(const std::string &title, const table::Table &table, const std::vector<uint32_t> &rules) {
    if (rules.empty()) return;
    out_ += "rules " + lang::escape_bytes(title) + ":\n";
    for (size_t i = 0; i < std::min(rules.size(), limits_.rules); ++i) {
      out_ += "  " + rule_text(table, rules[i]) + "\n";
    }
    more(rules.size(), limits_.rules, "rules");
  }

  void print(const TreeChanges &tree) {
    out_ += lang::escape_bytes(tree.dir) + ": " + std::to_string(tree.changed.size()) + " of " +
            std::to_string(tree.entries) + " entries change";
    if (tree.unreadable > 0) {
      out_ += "; " + std::to_string(tree.unreadable) + " directories could not be listed";
    }
    out_ += "\n";
    for (size_t i = 0; i < std::min(tree.changed.size(), limits_.files); ++i) {
      const ChangedEntry &e = tree.changed[i];
      out_ += "  " + arrow({e.change, e.from, e.to}) + "  " + lang::escape_bytes(e.path) + "\n";
    }
    more(tree.changed.size(), limits_.files, "entries");
  }

  void more(size_t count, size_t shown, const char *what) {
    if (count > shown) out_ += "  and " + std::to_string(count - shown) + " more " + what + "\n";
  }

  const Findings &f_;
  TextLimits limits_;
  std::string out_;
};

}  // namespace

std::string print_text(const Findings &findings, const TextLimits &limits) {
  return Printer(findings, limits).run();
}

}  // namespace agentfense::compiler::diff
