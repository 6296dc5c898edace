// path_cover: one path against patterns, without an automaton. Slow for many paths, plain for one.
//
// Made for explain_path() and the coverage of tests. Threads: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "lang/rules.h"

namespace agentfense::compiler {

// The components of a path, empty ones skipped; none for the root. They point into `path`.
using PathNames = std::vector<std::string_view>;
[[nodiscard]] PathNames path_names(std::string_view path);

struct Cover {
  uint32_t pattern;  // index into the list
  uint32_t length;   // components of the shortest part of the path that it matches
};

// The pattern that covers the path by the shortest part of it, the first of several; nothing where none covers it.
[[nodiscard]] std::optional<Cover> find_cover(const std::vector<lang::RulePattern> &patterns,
                                              const PathNames &path);
[[nodiscard]] std::optional<Cover> find_cover(const lang::RulePattern &pattern, const PathNames &path);

// Patterns that cover, seen from `path` as the root, what `pattern` covers there; none where it covers nothing at
// or below the path.
[[nodiscard]] std::vector<lang::PathPattern> rest_below(const lang::RulePattern &pattern,
                                                        const PathNames &path);

}  // namespace agentfense::compiler
