// bind_names: params get their values, sets their patterns.
//
// Made from a Program, one Scope for each module; read by lang/resolve.cc. Scopes point into the
// Program, which must outlive them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lang/diagnostics.h"
#include "lang/load_policy.h"
#include "lang/pattern_syntax.h"
#include "lang/program.h"

namespace agentfense::lang {

inline constexpr size_t kMaxPatterns = 1'000'000;    // in all rules together
inline constexpr size_t kMaxItems = 10'000'000;      // glob items, about 40 bytes each
inline constexpr size_t kMaxSetEntries = 1'000'000;  // over all sets, sets inside sets counted again

// What reading patterns may cost. Shared by everything that is read for one policy.
struct PatternBudget {
  size_t patterns = 0;
  size_t items = 0;
  bool reported = false;
};

struct SetEntry {
  const ast::Item *item = nullptr;
  RulePattern pattern;  // case-sensitive
};

struct SetDefinition {
  Place place;
  bool broken = false;  // an error was reported: its content is not to be relied on
  std::vector<std::shared_ptr<const SetEntry>> entries;  // sets inside it expanded
};

struct Scope {
  bool incomplete = false;  // as of its Module: what is missing is nobody's fault here
  ParamValues params;       // each has a value, a stand-in where an error was reported
  std::map<std::string, SetDefinition, std::less<>> sets;
};

// One Scope for each of program.modules.
[[nodiscard]] std::vector<Scope> bind_names(const Program &program, const LoadOptions &options,
                                            PatternBudget &budget, Diagnostics &diagnostics);

// The pattern of an item that is no set's name; nothing, with an error reported, where it is wrong.
[[nodiscard]] std::optional<RulePattern> read_pattern(const ast::Item &item, bool nocase,
                                                      const ParamValues &params, PatternBudget &budget,
                                                      Diagnostics &diagnostics);

// False, with one error reported, where `pattern` takes more than the budget has left.
[[nodiscard]] bool charge(const RulePattern &pattern, PatternBudget &budget, Diagnostics &diagnostics);

// Reports what a spelling inside `place` was refused for; `quoted` tells whether `place` has quotes.
void report_issue(const PatternIssue &issue, const Place &place, bool quoted, Diagnostics &diagnostics);

// "no set is named `x`", with the nearest name; silent in an incomplete module.
void report_unknown_set(const ast::Item &item, const Scope &scope, Diagnostics &diagnostics);

}  // namespace agentfense::lang
