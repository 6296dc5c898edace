// text: the conflict report for people who review a policy.
#pragma once

#include <string>

#include "compiler/report/report.pb.h"

namespace agentfense::compiler::report {

[[nodiscard]] std::string report_text(const ::agentfense::report::v1::Report &report);

// What a survey counted: entries by level, then by rule, most first, rules that decide nothing marked.
[[nodiscard]] std::string tree_text(const ::agentfense::report::v1::Report &report);

}  // namespace agentfense::compiler::report
