#include "compiler/diff/print.h"
#include "compiler/table/digest.h"
#include "lang/print_diagnostics.h"
#include "lang/rules.h"
#include "llvm/Support/JSON.h"

namespace agentfense::compiler::diff {
namespace {

namespace json = llvm::json;

json::Value text(std::string_view bytes) { return lang::escape_bytes(bytes); }

json::Value level(table::Level level) { return lang::level_name(static_cast<lang::Level>(level)); }

json::Value rule(const table::Table &table, uint32_t index) {
  if (index == table::kNoRule) return nullptr;
  const table::RuleView r = table.rule(index);
  return json::Object{{"file", text(r.file)},
                      {"line", r.line},
                      {"text", lang::escape_text(r.text)},
                      {"reason", lang::escape_text(r.reason)}};
}

json::Object side(const std::string &name, const table::Table &table) {
  return json::Object{{"name", text(name)},
                      {"policy", text(table.policy())},
                      {"source_digest", table::to_hex(table.source_digest())}};
}

json::Object change(const Difference &d) {
  return json::Object{{"change", change_name(d.change)}, {"from", level(d.from)}, {"to", level(d.to)}};
}

json::Array classes(const Findings &f) {
  json::Array all;
  for (const ChangeClass &c : f.comparison->classes) {
    json::Array witnesses;
    for (const Witness &w : c.witnesses) {
      json::Object witness{{"path", text(w.path)},
                           {"old_rule", rule(*f.old_table, w.old_rule)},
                           {"new_rule", rule(*f.new_table, w.new_rule)}};
      if (!w.below.empty()) witness["below"] = text(w.below);
      witnesses.push_back(std::move(witness));
    }
    json::Object entry = change(c.difference);
    entry["example"] = text(c.witnesses.front().path);
    entry["witnesses"] = std::move(witnesses);
    all.push_back(std::move(entry));
  }
  return all;
}

json::Array rules(const table::Table &table, const std::vector<uint32_t> &indices) {
  json::Array all;
  for (const uint32_t index : indices) all.push_back(rule(table, index));
  return all;
}

json::Object tree(const TreeChanges &t) {
  json::Array changed;
  for (const ChangedEntry &e : t.changed) {
    json::Object entry = change({e.change, e.from, e.to});
    entry["path"] = text(e.path);
    changed.push_back(std::move(entry));
  }
  return json::Object{{"dir", text(t.dir)},
                      {"entries", static_cast<int64_t>(t.entries)},
                      {"unreadable_directories", static_cast<int64_t>(t.unreadable)},
                      {"changed", std::move(changed)}};
}

}  // namespace

std::string print_json(const Findings &f) {
  json::Object root{{"old", side(f.old_name, *f.old_table)},
                    {"new", side(f.new_name, *f.new_table)},
                    {"equal", f.comparison->verdict == Comparison::Verdict::equal},
                    {"complete", f.comparison->verdict != Comparison::Verdict::over_budget},
                    {"classes", classes(f)},
                    {"rules_removed", rules(*f.old_table, f.rules.removed)},
                    {"rules_added", rules(*f.new_table, f.rules.added)}};
  if (f.tree) root["tree"] = tree(*f.tree);
  std::string out;
  llvm::raw_string_ostream stream(out);
  stream << llvm::formatv("{0:2}", json::Value(std::move(root))) << "\n";
  stream.flush();
  return out;
}

}  // namespace agentfense::compiler::diff
