// What the command line does with findings: severities it changes, and the report it makes of them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compiler/pipeline.h"
#include "compiler/report/build_report.h"
#include "compiler/tree/survey.h"
#include "lang/diagnostics.h"

namespace agentfense::compiler::cli {

// "note", "warning" or "error".
[[nodiscard]] std::optional<lang::Severity> severity_of_name(const std::string &name);

using Severities = std::map<lang::Code, lang::Severity>;

// Reads CODE=LEVEL words. Nothing, with a sentence on stderr, for an unknown code or level, two levels
// of one code, and where a code that is no judgement would be lowered.
[[nodiscard]] std::optional<Severities> read_severities(const std::vector<std::string> &words);

void apply_severities(const Severities &severities, lang::Diagnostics &diagnostics);

// REQUIRES: diagnostics are the compilation's, sorted.
[[nodiscard]] report::v1::Report make_report(const std::string &source, const Compilation &compilation,
                                             const lang::Diagnostics &diagnostics, const TreeSurvey *tree);

}  // namespace agentfense::compiler::cli
