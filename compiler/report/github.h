// github: findings as workflow commands, which GitHub shows at the lines of a pull request.
#pragma once

#include <string>
#include <vector>

#include "compiler/report/report.pb.h"

namespace agentfense::compiler::report {

// ::error file=...,line=...,col=...,endColumn=...,title=...::message  for each finding that no comment
// allows. A finding in what is no file of the checkout (a preset, standard input) has no file.
[[nodiscard]] std::string github_text(const std::vector<::agentfense::report::v1::Report> &reports);

}  // namespace agentfense::compiler::report
