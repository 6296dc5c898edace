// dump: canonical text of the forms of lang/, for --dump-ast, --dump-rules and the tests.
//
// Stable line by line for equal input; not meant to be parsed back.
#pragma once

#include <string>

#include "lang/ast.h"
#include "lang/rules.h"

namespace agentfense::lang {

[[nodiscard]] std::string dump_ast(const ast::File &file);
[[nodiscard]] std::string dump_rules(const RuleSet &rules);

// One brace-free pattern: `/src/**/*.h`, classes as [..] with bytes outside [A-Za-z0-9._-] as \xHH.
[[nodiscard]] std::string dump_pattern(const PathPattern &pattern);

}  // namespace agentfense::lang
