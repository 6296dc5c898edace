#include "compiler/cli/findings.h"

#include <iostream>

#include "compiler/source_digest.h"
#include "compiler/table/digest.h"
#include "lang/print_diagnostics.h"

namespace agentfense::compiler::cli {
namespace {

// What is wrong with CODE=LEVEL, or nothing after adding it.
std::string add_severity(const std::string &word, Severities &out) {
  const size_t equals = word.find('=');
  if (equals == std::string::npos) return "write --severity CODE=LEVEL";
  const std::optional<lang::Code> code = lang::code_of_name(word.substr(0, equals));
  if (!code) return "no finding has this code; `check --format json` shows the codes of findings";
  const std::optional<lang::Severity> severity = severity_of_name(word.substr(equals + 1));
  if (!severity) return "a level is note, warning or error";
  if (!lang::code_is_judgement(*code) && *severity < lang::code_severity(*code)) {
    return "this finding is no matter of judgement and can only be raised; correct the policy";
  }
  if (!out.try_emplace(*code, *severity).second) return "this code was given a level before; give it once";
  return {};
}

}  // namespace

std::optional<lang::Severity> severity_of_name(const std::string &name) {
  if (name == "note") return lang::Severity::note;
  if (name == "warning") return lang::Severity::warning;
  if (name == "error") return lang::Severity::error;
  return std::nullopt;
}

std::optional<Severities> read_severities(const std::vector<std::string> &words) {
  Severities out;
  for (const std::string &word : words) {
    const std::string fault = add_severity(word, out);
    if (fault.empty()) continue;
    std::cerr << "agentfense-compile: --severity " << lang::escape_bytes(word) << ": " << fault << "\n";
    return std::nullopt;
  }
  return out;
}

void apply_severities(const Severities &severities, lang::Diagnostics &diagnostics) {
  for (lang::Diagnostic &d : diagnostics.edit()) {
    if (const auto found = severities.find(d.code); found != severities.end()) d.severity = found->second;
  }
}

report::v1::Report make_report(const std::string &source, const Compilation &compilation,
                               const lang::Diagnostics &diagnostics, const TreeSurvey *tree) {
  report::ReportInput input{.tool_version = AGENTFENSE_VERSION,
                            .source = source,
                            .files = compilation.files,
                            .diagnostics = diagnostics,
                            .rules = nullptr,
                            .source_digest = {},
                            .analysis = &compilation.analysis,
                            .table = std::nullopt,
                            .tree = tree};
  if (compilation.rules) {
    input.rules = &*compilation.rules;
    input.source_digest = table::to_hex(source_digest(*compilation.rules));
  }
  if (compilation.table) {
    input.table = report::TableFigures{.states = compilation.figures.path_states,
                                       .name_states = compilation.figures.name_states,
                                       .name_classes = compilation.figures.component_classes,
                                       .bytes = compilation.bytes.size(),
                                       .sha256 = table::to_hex(compilation.table->file_digest())};
  }
  return report::build_report(input);
}

}  // namespace agentfense::compiler::cli
