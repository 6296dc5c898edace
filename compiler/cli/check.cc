#include <unistd.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <iterator>
#include <set>
#include <tuple>

#include "compiler/cli/commands.h"
#include "compiler/cli/findings.h"
#include "compiler/cli/policy_arguments.h"
#include "compiler/cli/progress.h"
#include "compiler/report/github.h"
#include "compiler/report/json.h"
#include "compiler/report/junit_findings.h"
#include "compiler/report/sarif.h"
#include "compiler/report/text.h"
#include "lang/allow_comments.h"
#include "lang/print_diagnostics.h"

namespace agentfense::compiler::cli {
namespace {

enum class Format : uint8_t { text, json, sarif, github, junit };

struct Arguments {
  std::vector<std::string> sources;
  PolicyArguments policy;  // all but the source
  std::string format = "text";
  std::string fail_on = "error";
  std::vector<std::string> severities;
  std::string tree;
  bool all = false;
  bool quiet = false;
};

struct Checked {
  std::vector<lang::SourceFile> files;
  lang::Diagnostics diagnostics;
  report::v1::Report report;  // its findings are the diagnostics, in their order
  bool input_error = false;   // a policy file or the tree could not be read
};

bool looked_for(lang::Code code, const Arguments &arguments) {
  switch (code) {
    case lang::Code::stale_pattern:
    case lang::Code::linked_file:
      return !arguments.tree.empty();
    case lang::Code::overlap:
      return arguments.all;
    default:
      return true;
  }
}

// What is extended, or stands beside the policy in its file, may have findings that are not looked for
// here; and limits alone, which are to be extended, are asked for next to nothing.
void add_unused_allows(const Compilation &c, const Arguments &arguments, lang::Diagnostics &diagnostics) {
  if (!c.automaton) return;
  const lang::RuleSet &rules = *c.rules;
  const bool opens = std::any_of(rules.rules.begin(), rules.rules.end(),
                                 [](const lang::Rule &r) { return r.kind == lang::Rule::Kind::allow; });
  if (!opens) return;
  const auto judged = [&](lang::Code code, const lang::Place &comment) {
    const bool within = comment.offset > rules.name.offset && comment.offset < rules.end.offset;
    return comment.file == rules.end.file && within && looked_for(code, arguments);
  };
  lang::report_unused_allows(c.files, judged, diagnostics);
}

Checked check_one(const std::string &source, const CompileOptions &options, const Severities &severities,
                  const Arguments &arguments) {
  Checked out;
  lang::DiskReader reader;
  Compilation c = compile(source, options, reader, out.diagnostics);
  out.input_error = c.io_error;

  std::optional<TreeSurvey> tree;
  if (!arguments.tree.empty() && c.automaton) {
    Progress progress("entries of " + arguments.tree);
    TreeOptions tree_options;
    tree_options.progress = [&](uint64_t entries) { progress.at(entries); };
    auto surveyed = survey_tree(arguments.tree, *c.rules, *c.automaton, tree_options, out.diagnostics);
    progress.erase();
    if (const auto *fault = std::get_if<std::string>(&surveyed)) {
      std::cerr << "agentfense-compile: " << *fault << "\n";
      out.input_error = true;
    } else {
      tree = std::move(std::get<TreeSurvey>(surveyed));
    }
    lang::apply_allow_comments(c.files, out.diagnostics);
  }
  add_unused_allows(c, arguments, out.diagnostics);
  if (!arguments.all) std::erase_if(out.diagnostics.edit(), [](const auto &d) { return d.report_only; });
  apply_severities(severities, out.diagnostics);
  out.diagnostics.sort();
  out.report = make_report(source, c, out.diagnostics, tree ? &*tree : nullptr);
  out.files = std::move(c.files);
  return out;
}

// Two policies that share a file find the same in it: said once where the output is one list.
void drop_repetitions(std::vector<Checked> &checked) {
  std::set<std::tuple<std::string, uint32_t, std::string, std::string, std::string>> seen;
  for (Checked &c : checked) {
    std::vector<lang::Diagnostic> kept;
    google::protobuf::RepeatedPtrField<report::v1::Finding> findings;
    std::vector<lang::Diagnostic> &all = c.diagnostics.edit();
    for (size_t i = 0; i < all.size(); ++i) {
      report::v1::Finding &f = *c.report.mutable_findings(static_cast<int>(i));
      const std::string &file = c.files[f.place().file()].name;
      if (!seen.emplace(file, f.place().offset(), f.code(), f.message(), f.example().text()).second) continue;
      kept.push_back(std::move(all[i]));
      findings.Add(std::move(f));
    }
    all = std::move(kept);
    c.report.mutable_findings()->Swap(&findings);
  }
}

void print(std::vector<Checked> &checked, Format format, std::optional<lang::Severity> fail_on) {
  if (format == Format::text) {
    for (const Checked &c : checked) {
      std::vector<lang::Diagnostic> open;
      std::copy_if(c.diagnostics.all().begin(), c.diagnostics.all().end(), std::back_inserter(open),
                   [](const lang::Diagnostic &d) { return !d.allowed; });
      std::cout << lang::print_diagnostics(open, c.files, {.colour = colour_on(STDOUT_FILENO)})
                << report::tree_text(c.report);
    }
    return;
  }
  std::vector<report::v1::Report> reports;
  reports.reserve(checked.size());
  for (Checked &c : checked) reports.push_back(std::move(c.report));
  switch (format) {
    case Format::text:
      break;
    case Format::json: {
      report::v1::CheckResult result;
      result.set_tool("agentfense-compile");
      result.set_tool_version(AGENTFENSE_VERSION);
      for (report::v1::Report &r : reports) *result.add_reports() = std::move(r);
      std::cout << report::json_text(result);
      break;
    }
    case Format::sarif:
      std::cout << report::sarif_text(reports, AGENTFENSE_VERSION);
      break;
    case Format::github:
      std::cout << report::github_text(reports);
      break;
    case Format::junit:
      std::cout << report::junit_xml(report::junit_cases(reports, fail_on));
      break;
  }
}

std::string counted(size_t n, const char *what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

// "2 errors, 1 warning, 3 notes (1 allowed by comments)"
std::string summary(const lang::Diagnostics &diagnostics) {
  std::array<size_t, 3> open{};
  size_t allowed = 0;
  for (const lang::Diagnostic &d : diagnostics.all()) {
    ++(d.allowed ? allowed : open[static_cast<size_t>(d.severity)]);
  }
  std::string out;
  const std::array<const char *, 3> names{"note", "warning", "error"};
  for (size_t severity = 3; severity-- > 0;) {
    if (open[severity] == 0) continue;
    out += (out.empty() ? "" : ", ") + counted(open[severity], names[severity]);
  }
  if (out.empty()) out = "no findings";
  if (allowed > 0) out += " (" + std::to_string(allowed) + " allowed by comments)";
  return out;
}

int check(const Arguments &arguments, Format format) {
  const std::optional<lang::Severity> fail_on = severity_of_name(arguments.fail_on);  // never: absent
  const std::optional<Severities> severities = read_severities(arguments.severities);
  CompileOptions options;
  if (!severities || !compile_options(arguments.policy, options)) return kUsage;
  options.analysis = arguments.all ? Depth::report : Depth::findings;
  options.table = false;

  std::vector<Checked> checked;
  for (const std::string &source : arguments.sources) {
    checked.push_back(check_one(source, options, *severities, arguments));
  }
  int status = kFine;
  for (const Checked &c : checked) {
    for (const lang::Diagnostic &d : c.diagnostics.all()) {
      if (fail_on && !d.allowed && !d.report_only && d.severity >= *fail_on) status = kFindings;
    }
    if (arguments.quiet) continue;
    std::cerr << c.report.source() << ": " << summary(c.diagnostics) << "\n";
  }
  for (const Checked &c : checked) {
    if (c.input_error) status = kUsage;
  }
  // Each report of the JSON stands for itself.
  if (format != Format::json) drop_repetitions(checked);
  print(checked, format, fail_on);
  return status;
}

}  // namespace

void add_check(CLI::App &app, int &status) {
  static const std::map<std::string, Format> kFormats{{"text", Format::text},
                                                      {"json", Format::json},
                                                      {"sarif", Format::sarif},
                                                      {"github", Format::github},
                                                      {"junit", Format::junit}};
  auto arguments = std::make_shared<Arguments>();
  CLI::App *command = app.add_subcommand("check", "Print every finding of policies");
  command->footer(
      "Findings go to stdout, a summary to stderr. A comment above a statement answers a finding:\n"
      "  # agentfense: allow CODE reason\n"
      "Example: agentfense-compile check review.afp --tree . --format sarif --fail-on warning");
  command->add_option("FILE", arguments->sources, "Policy files, preset:NAME, or - for standard input")
      ->required();
  command->add_option("--format", arguments->format, "How to print findings")
      ->check(CLI::IsMember({"text", "json", "sarif", "github", "junit"}))
      ->type_name("text|json|sarif|github|junit")
      ->capture_default_str();
  command->add_option("--fail-on", arguments->fail_on, "The least finding that makes the exit status 1")
      ->check(CLI::IsMember({"error", "warning", "note", "never"}))
      ->type_name("error|warning|note|never")
      ->capture_default_str();
  command->add_option("--tree", arguments->tree, "Hold the policy against the files of this folder")
      ->type_name("DIR");
  command
      ->add_option("--severity", arguments->severities,
                   "Take findings of this code for note, warning or error; errors of the text stay errors")
      ->type_name("CODE=LEVEL")
      ->allow_extra_args(false);
  command->add_flag("--all", arguments->all, "Also what belongs to the conflict report alone");
  command->add_flag("-q,--quiet", arguments->quiet, "No summary on stderr");
  add_policy_options(*command, arguments->policy);
  command->callback([arguments, &status] { status = check(*arguments, kFormats.at(arguments->format)); });
}

}  // namespace agentfense::compiler::cli
