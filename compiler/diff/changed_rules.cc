#include "compiler/diff/changed_rules.h"

#include <map>
#include <string_view>

namespace agentfense::compiler::diff {
namespace {

// The rules of `table` that have no counterpart in `other`.
std::vector<uint32_t> missing_in(const table::Table &other, const table::Table &table) {
  std::map<std::string_view, uint32_t> there;
  for (uint32_t r = 0; r < other.rule_count(); ++r) ++there[other.rule(r).text];
  std::vector<uint32_t> missing;
  for (uint32_t r = 0; r < table.rule_count(); ++r) {
    uint32_t &left = there[table.rule(r).text];
    if (left == 0) {
      missing.push_back(r);
    } else {
      --left;
    }
  }
  return missing;
}

}  // namespace

ChangedRules changed_rules(const table::Table &old_table, const table::Table &new_table) {
  return {missing_in(new_table, old_table), missing_in(old_table, new_table)};
}

}  // namespace agentfense::compiler::diff
