// junit_findings: a policy's rules as test cases, for CI systems that know JUnit alone.
#pragma once

#include <vector>

#include "compiler/report/junit.h"
#include "compiler/report/report.pb.h"
#include "lang/diagnostics.h"

namespace agentfense::compiler::report {

// For each report a suite: one case for each rule of the policy itself, failed by the findings inside
// its statement, and one for each finding elsewhere. Only findings of `fail_on` and above fail a case;
// none where it is absent. Findings that a comment allows fail none.
[[nodiscard]] std::vector<JunitCase> junit_cases(const std::vector<::agentfense::report::v1::Report> &reports,
                                                 std::optional<lang::Severity> fail_on);

}  // namespace agentfense::compiler::report
