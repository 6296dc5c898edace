// junit: test results as JUnit XML, as CI systems read it.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace agentfense::compiler::report {

struct JunitCase {
  std::string suite;  // the file
  std::string name;   // bytes; what XML cannot hold is escaped
  std::string file;   // with line, for viewers that jump there; may be empty
  uint32_t line = 0;
  std::optional<std::string> failure_type;  // absent: passed
  std::string failure_message;              // one line
  std::string failure_text;
};

// One <testsuite> for each run of equal `suite`, in the order given.
[[nodiscard]] std::string junit_xml(const std::vector<JunitCase> &cases);

}  // namespace agentfense::compiler::report
