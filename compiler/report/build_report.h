// build_report: the conflict report as one message. Every format but `check`'s text is a view of it.
//
//   RuleSet, Analysis, diagnostics, figures, survey --build_report--> Report --text, json, sarif, ...-->
//
// Threads: plain data in, plain data out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compiler/analysis/analyse.h"
#include "compiler/report/report.pb.h"
#include "compiler/tree/survey.h"
#include "lang/diagnostics.h"
#include "lang/rules.h"

namespace agentfense::compiler::report {

namespace v1 = ::agentfense::report::v1;

struct TableFigures {
  uint32_t states = 0;
  uint32_t name_states = 0;
  uint32_t name_classes = 0;
  uint64_t bytes = 0;
  std::string sha256;
};

struct ReportInput {
  std::string tool_version;
  std::string source;  // as the command line names it
  const std::vector<lang::SourceFile> &files;
  const lang::Diagnostics &diagnostics;  // sorted, severities and allowed findings settled
  const lang::RuleSet *rules = nullptr;  // null where the policy could not be read
  std::string source_digest;             // hex; empty without rules
  const Analysis *analysis = nullptr;
  std::optional<TableFigures> table;
  const TreeSurvey *tree = nullptr;
};

[[nodiscard]] v1::Report build_report(const ReportInput &input);

}  // namespace agentfense::compiler::report
