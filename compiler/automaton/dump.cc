#include "compiler/automaton/dump.h"

#include <sstream>

namespace agentfense::compiler {

std::string dump_automaton(const Automaton &a) {
  std::ostringstream out;
  out << "letters " << a.names.letters.size() << "\n";
  for (size_t x = 0; x < a.names.letters.size(); ++x) {
    out << "  " << x << " like \"" << a.names.witness[x] << "\" globs";
    for (const GlobId g : a.names.letters[x]) out << ' ' << g;
    out << "\n";
  }
  for (uint32_t s = 0; s < a.paths.states.size(); ++s) {
    const StateFacts &f = a.facts[s];
    out << "state " << s << " " << lang::level_name(f.level) << " slot " << f.slot << " alike " << f.alike;
    if (f.visible_below) out << " visible-below";
    if (f.uniform_below) out << " uniform-below " << lang::level_name(f.below);
    if (f.writable_child) out << " writable-child";
    out << "\n";
    if (a.paths.states[s].base != s) out << "  else as " << a.paths.states[s].base << "\n";
    for (const Edge &e : a.paths.edges_of(s)) {
      out << "  " << e.symbol << " -> " << e.target;
      for (const ProvenanceUpdate &u : a.labels[e.label]) out << " slot " << u.slot << " = rule " << u.rule;
      out << "\n";
    }
  }
  return out.str();
}

}  // namespace agentfense::compiler
