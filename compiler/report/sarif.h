// sarif: findings as SARIF 2.1.0 (OASIS standard, 27 March 2020), one run, as code scanning reads it.
#pragma once

#include <string>
#include <vector>

#include "compiler/report/report.pb.h"

namespace agentfense::compiler::report {

// Findings that a comment allows are results with a suppression. Rules are those of the results, sorted.
[[nodiscard]] std::string sarif_text(const std::vector<::agentfense::report::v1::Report> &reports,
                                     const std::string &tool_version);

}  // namespace agentfense::compiler::report
