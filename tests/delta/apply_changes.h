// What the tests of apply have in common: changes of every kind, conflicts, and an end at any point.
#pragma once

#include <string>

#include "tests/delta/apply_fixture.h"

namespace agentfense::delta_test {

using delta::ApplyReport;
using delta::ApplyRequest;

[[nodiscard]] const table::Table &everything();

// A failure fails the test.
[[nodiscard]] ApplyReport applied(const ApplyRequest &request);

[[nodiscard]] Node with_attribute(Node node, const std::string &name, const std::string &value);

// Of every kind of change one.
void make_everything(Delta &delta);

// Ends the process, as kill -9 does, at the k-th place between two changes. True where it got to the end.
[[nodiscard]] bool run_and_die_at(const ApplyRequest &planned, int k);

[[nodiscard]] std::string read_file(const std::string &path);

void write_file(const std::string &path, const std::string &text);

// A base that moved on under a delta.
void make_conflicts(Delta &delta);

}  // namespace agentfense::delta_test
