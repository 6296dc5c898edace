// The findings, each decided on automata for all paths, and each with the shortest path that shows it.
//
// Made for compiler/pipeline.cc and analyse.cc. Diagnostics are added in rule order. Threads: one.
#pragma once

#include <vector>

#include "compiler/analysis/analyse.h"
#include "compiler/analysis/scope.h"
#include "lang/diagnostics.h"

namespace agentfense::compiler {

// never-broken: some path that the never covers has its level or more.
void check_nevers(Scope &scope, lang::Diagnostics &diagnostics);

// test-failed: a path has another level than its test says.
void check_tests(Scope &scope, lang::Diagnostics &diagnostics);

// dead-rule: an allow whose removal changes the level of no path. An error in the policy's own text,
// a note where it came by `extends`. Sets scope.dead.
void check_dead_rules(Scope &scope, lang::Diagnostics &diagnostics);

// redundant-limit: a limit whose removal changes the level of no path. A note where other limits do its
// work, a warning where there is no work to do; a note always where it came by `extends`.
void check_redundant_limits(Scope &scope, lang::Diagnostics &diagnostics);

// capped-allow: an allow that gives its level nowhere, because limits lower all that it covers. Dead
// rules are not named twice. With Depth::report also those lowered in part.
// REQUIRES: check_dead_rules() has run.
void check_capped_allows(Scope &scope, Depth depth, lang::Diagnostics &diagnostics);

// useless-except: an exception whose removal changes the level of no path. One that an `extends` adds to
// many limits is useless where it is so for each of them.
void check_excepts(Scope &scope, lang::Diagnostics &diagnostics);

// name-exposure: see NameExposure; dead rules show nothing. Those with names that the rule spells out are report_only.
[[nodiscard]] std::vector<NameExposure> check_name_exposure(Scope &scope, Depth depth,
                                                            lang::Diagnostics &diagnostics);

// near-miss: what the same limit, written for names that look like those it names (look_alike.h), would
// hide too and is readable. Limits that leave content readable hide none.
void check_near_misses(Scope &scope, lang::Diagnostics &diagnostics);

// overlap, report_only. Looks at no more than a bounded number of pairs; sets overlaps_left_out.
void find_overlaps(Scope &scope, Analysis &analysis, lang::Diagnostics &diagnostics);

[[nodiscard]] std::vector<Weakening> find_weakenings(Scope &scope);

}  // namespace agentfense::compiler
