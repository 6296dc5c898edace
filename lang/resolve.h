// resolve: Program -> RuleSet. Binds names, follows `extends`, picks the policy.
#pragma once

#include <optional>

#include "lang/diagnostics.h"
#include "lang/load_policy.h"
#include "lang/program.h"

namespace agentfense::lang {

inline constexpr size_t kMaxRules = 100'000;
// Rules handed down over all `extends` of all policies on the way: bounds the work, not the result.
inline constexpr size_t kMaxInheritance = 2'000'000;

// Nothing where an error was reported, now or while the program was loaded. The files are left to the
// caller: RuleSet::files is empty.
[[nodiscard]] std::optional<RuleSet> resolve(const Program &program, const LoadOptions &options,
                                             Diagnostics &diagnostics);

}  // namespace agentfense::lang
