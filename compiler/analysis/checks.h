// The findings that stop a build: broken nevers, failed tests, dead rules. Each is decided on the
// automaton, for all paths, and shown by the shortest path there is.
//
// Made for compiler/pipeline.cc. Diagnostics are added in rule order. Threads: one.
#pragma once

#include "compiler/automaton/automaton.h"
#include "lang/diagnostics.h"
#include "lang/rules.h"

namespace agentfense::compiler {

// never-broken: some path that the never covers has its level or more.
void check_nevers(const lang::RuleSet &rules, const Automaton &automaton, lang::Diagnostics &diagnostics);

// test-failed: a path has another level than its test says.
void check_tests(const lang::RuleSet &rules, const Automaton &automaton, lang::Diagnostics &diagnostics);

// dead-rule: an allow whose removal changes the level of no path. An error in the policy's own text,
// a note where it came by `extends`.
void check_dead_rules(const lang::RuleSet &rules, const Automaton &automaton, lang::Diagnostics &diagnostics);

}  // namespace agentfense::compiler
