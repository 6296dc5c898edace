// too-complex as a diagnostic: which rules cost most, and a cheaper form for them.
#pragma once

#include "compiler/automaton/automaton.h"
#include "lang/diagnostics.h"
#include "lang/rules.h"

namespace agentfense::compiler {

void report_too_complex(const lang::RuleSet &rules, const TooComplex &too_complex,
                        lang::Diagnostics &diagnostics);

}  // namespace agentfense::compiler
