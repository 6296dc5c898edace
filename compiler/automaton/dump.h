// The automaton as canonical text, for `dump --automaton` and the stage tests.
#pragma once

#include <string>

#include "compiler/automaton/automaton.h"

namespace agentfense::compiler {

// Per state its facts and its row, letters by their example names.
[[nodiscard]] std::string dump_automaton(const Automaton &automaton);

}  // namespace agentfense::compiler
