// analyse: every finding on a policy that does not stop a build (those are in checks.h), and what the
// conflict report says beyond findings. Decided on automata, for all paths; each example is the
// shortest path there is, then the least (search.h).
//
// Made for compiler/pipeline.cc; read by compiler/report. Threads: one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lang/diagnostics.h"
#include "lang/rules.h"

namespace agentfense::compiler {

struct Scope;

// An allow and a limit of another level that both speak at some path. The lower level decides.
struct Overlap {
  uint32_t allow;  // indices into RuleSet::rules
  uint32_t limit;
  bool limit_decides;
  std::string example;
};

// Directories that are visible only because of what an allow opens below them.
struct NameExposure {
  uint32_t rule;   // the allow
  bool unbounded;  // directories of more names than the rule spells out
  std::string example;
};

// What a policy opens: a pattern of an allow that gives its level somewhere, or an exception.
struct Weakening {
  enum class Kind : uint8_t { opens, exception };
  Kind kind;
  uint32_t rule;
  uint32_t pattern;   // index into Rule::patterns, or for an exception into Rule::except
  lang::Level level;  // that some path has because of it
  std::string example;
};

struct Analysis {
  std::vector<Overlap> overlaps;  // by allow, then limit
  uint64_t overlaps_left_out = 0;
  std::vector<NameExposure> exposures;  // by rule
  std::vector<Weakening> weakenings;    // by rule
};

// How much is looked for.
enum class Depth : uint8_t {
  findings,  // what `check` shows
  report,    // also overlaps, weakenings and the diagnostics that are report_only
};

// Adds redundant-limit, capped-allow, useless-except, name-exposure and near-miss to `diagnostics`, and
// with Depth::report overlap. Where a search passes its budget, a note with code too-complex says so.
// A policy without an allow has none of these.
// REQUIRES: check_dead_rules() has run on the scope.
[[nodiscard]] Analysis analyse(Scope &scope, Depth depth, lang::Diagnostics &diagnostics);

}  // namespace agentfense::compiler
