// emit_table: Automaton -> table::Image. The one file that sees both worlds.
#pragma once

#include "compiler/automaton/automaton.h"
#include "compiler/table/image.h"
#include "lang/rules.h"

namespace agentfense::compiler {

// Letters that no state tells apart become one component class, and the classifier is minimised
// once more for those. Deterministic.
[[nodiscard]] table::Image emit_table(const lang::RuleSet &rules, const Automaton &automaton);

}  // namespace agentfense::compiler
