// stale_patterns: the patterns that matched nothing, as findings.
#pragma once

#include "compiler/tree/pattern_cover.h"
#include "lang/diagnostics.h"
#include "lang/rules.h"

namespace agentfense::compiler {

// `partly`: some of the tree could not be listed, which the messages then say.
void report_stale_patterns(const lang::RuleSet &rules, const PatternCover &cover, bool partly,
                           lang::Diagnostics &diagnostics);

}  // namespace agentfense::compiler
