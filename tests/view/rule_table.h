// rule_table: tables for tests of the view, made without the compiler.
//
// A plain subset construction over at most 64 small patterns; slow and obvious. Tests alone link it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compiler/table/image.h"
#include "compiler/table/table.h"

namespace agentfense::testing {

// Rules as the language has them, one a line: "allow write /src", "limit none **/*.key",
// "limit none /.git except /.git/HEAD". Components are literal but for `*`; `**` is any depth.
// Empty where a line cannot be read.
[[nodiscard]] std::optional<table::Image> rules_to_image(const std::vector<std::string> &rules);

// The same, through encode() and decode(). REQUIRES: the rules can be read.
[[nodiscard]] table::Table rules_to_table(const std::vector<std::string> &rules);

}  // namespace agentfense::testing
