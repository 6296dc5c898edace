#include "compiler/analysis/walk_path.h"

#include <vector>

namespace agentfense::compiler {

WalkedPath walk_path(const Automaton &a, std::string_view path) {
  std::vector<uint32_t> slots(a.slots, kNoRule);
  const auto apply = [&](uint32_t label) {
    for (const ProvenanceUpdate &u : a.labels[label]) slots[u.slot] = u.rule;
  };
  uint32_t s = a.paths.start;
  apply(a.start_label);
  while (!path.empty()) {
    const size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
    if (name.empty()) continue;
    const Edge e = a.paths.row(s, a.names.letter_of(name));
    apply(e.label);
    s = e.target;
  }
  return {s, a.facts[s].level, slots[a.facts[s].slot]};
}

}  // namespace agentfense::compiler
