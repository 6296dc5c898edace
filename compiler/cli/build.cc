#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <span>

#include "compiler/cli/commands.h"
#include "compiler/cli/files.h"
#include "compiler/cli/findings.h"
#include "compiler/cli/policy_arguments.h"
#include "compiler/report/json.h"
#include "compiler/report/sarif.h"
#include "compiler/report/text.h"
#include "lang/print_diagnostics.h"

namespace agentfense::compiler::cli {
namespace {

struct Arguments {
  PolicyArguments policy;
  std::string output;
  std::string report;
  bool quiet = false;
};

std::string report_bytes(const std::string &suffix, const report::v1::Report &report) {
  if (suffix == ".txt") return report::report_text(report);
  if (suffix == ".json") return report::json_text(report);
  if (suffix == ".sarif") return report::sarif_text({report}, AGENTFENSE_VERSION);
  return report.SerializeAsString();
}

bool report_suffix_known(const std::string &file) {
  static constexpr std::array<std::string_view, 5> kSuffixes{".txt", ".json", ".sarif", ".pb", ".binpb"};
  const std::string suffix = std::filesystem::path(file).extension().string();
  if (std::find(kSuffixes.begin(), kSuffixes.end(), suffix) != kSuffixes.end()) return true;
  std::cerr << "agentfense-compile: " << lang::escape_bytes(file)
            << ": a report is .txt, .json, .sarif, .pb or .binpb; name it so\n";
  return false;
}

// Whether one of the sources would be overwritten by `file`, which has been said then.
bool is_a_source(const std::string &file, const char *what, const Compilation &c) {
  for (const lang::SourceFile &source : c.files) {
    std::error_code ignored;
    if (!std::filesystem::equivalent(file, source.name, ignored)) continue;
    std::cerr << "agentfense-compile: " << lang::escape_bytes(file)
              << ": is a source of this policy; name another file for the " << what << "\n";
    return true;
  }
  return false;
}

// Two spellings of one file count as one, also where it is not there yet.
bool same_file(const std::string &a, const std::string &b) {
  std::error_code error;
  const std::filesystem::path x =
      std::filesystem::weakly_canonical(std::filesystem::absolute(a, error), error);
  const std::filesystem::path y =
      std::filesystem::weakly_canonical(std::filesystem::absolute(b, error), error);
  return !error && x == y;
}

bool write_report(const Arguments &arguments, const Compilation &c, const lang::Diagnostics &diagnostics) {
  const std::string suffix = std::filesystem::path(arguments.report).extension().string();
  const std::string bytes =
      report_bytes(suffix, make_report(arguments.policy.source, c, diagnostics, nullptr));
  return write_atomically(arguments.report, std::as_bytes(std::span(bytes)));
}

// What a build without a report would also say, and the warnings beyond it: notes are for the report.
void print_open_findings(const Compilation &c, const lang::Diagnostics &diagnostics) {
  std::vector<lang::Diagnostic> open;
  std::copy_if(diagnostics.all().begin(), diagnostics.all().end(), std::back_inserter(open),
               [](const lang::Diagnostic &d) {
                 return !d.report_only && !d.allowed && d.severity > lang::Severity::note;
               });
  std::cerr << lang::print_diagnostics(open, c.files, {.colour = colour_on(STDERR_FILENO)});
}

std::optional<Compilation> compile_with_report(const Arguments &arguments, lang::Diagnostics &diagnostics) {
  CompileOptions options;
  if (!compile_options(arguments.policy, options)) return std::nullopt;
  options.analysis = Depth::report;
  lang::DiskReader reader;
  Compilation c = compile(arguments.policy.source, options, reader, diagnostics);
  print_open_findings(c, diagnostics);
  return c;
}

int build(const Arguments &arguments) {
  const bool with_report = !arguments.report.empty();
  if (with_report && !report_suffix_known(arguments.report)) return kUsage;
  if (with_report && same_file(arguments.report, arguments.output)) {
    std::cerr << "agentfense-compile: " << lang::escape_bytes(arguments.report)
              << ": is also the table; name another file for the report\n";
    return kUsage;
  }

  lang::Diagnostics diagnostics;
  const std::optional<Compilation> compiled = with_report ? compile_with_report(arguments, diagnostics)
                                                          : compile_and_print(arguments.policy, diagnostics);
  if (!compiled) return kUsage;
  const Compilation &c = *compiled;
  if (is_a_source(arguments.output, "table", c)) return kUsage;
  // Also of a policy with errors: whoever has to mend it reads the report.
  if (with_report) {
    if (is_a_source(arguments.report, "report", c)) return kUsage;
    if (!write_report(arguments, c, diagnostics)) return kUsage;
  }
  if (c.bytes.empty()) return c.io_error ? kUsage : kFindings;
  if (!write_atomically(arguments.output, c.bytes)) return kUsage;
  if (!arguments.quiet) {
    std::cerr << lang::escape_bytes(arguments.output) << ": " << c.rules->rules.size() << " rules, "
              << c.figures.path_states << " states, " << c.figures.component_classes << " name classes, "
              << c.bytes.size() << " bytes, proven over all paths\n";
  }
  return kFine;
}

}  // namespace

void add_build(CLI::App &app, int &status) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App *command = app.add_subcommand("build", "Compile a policy to a table and prove it");
  command->footer("Example: agentfense-compile build preset:agent-safe -o safe.aft --report safe.json");
  command->add_option("FILE", arguments->policy.source, "A policy file, preset:NAME, or - for standard input")
      ->required();
  command->add_option("-o,--output", arguments->output, "The table to write")
      ->required()
      ->type_name("OUT.aft");
  command
      ->add_option("--report", arguments->report,
                   "Also write the conflict report: .txt, .json, .sarif, .pb or .binpb")
      ->type_name("FILE");
  command->add_flag("-q,--quiet", arguments->quiet, "Say nothing where all is well");
  add_policy_options(*command, arguments->policy);
  command->callback([arguments, &status] { status = build(*arguments); });
}

}  // namespace agentfense::compiler::cli
