// json: the report as protobuf's JSON mapping, two spaces deep. Same message, same bytes.
#pragma once

#include <string>

#include "compiler/report/report.pb.h"

namespace agentfense::compiler::report {

[[nodiscard]] std::string json_text(const ::agentfense::report::v1::Report &report);
[[nodiscard]] std::string json_text(const ::agentfense::report::v1::CheckResult &result);

}  // namespace agentfense::compiler::report
