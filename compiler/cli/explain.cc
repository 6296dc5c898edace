#include <algorithm>
#include <iostream>
#include <optional>

#include "compiler/analysis/walk_path.h"
#include "compiler/cli/commands.h"
#include "compiler/cli/files.h"
#include "compiler/cli/policy_arguments.h"
#include "compiler/explain/changes.h"
#include "compiler/explain/explain.h"
#include "compiler/explain/print.h"
#include "lang/print_diagnostics.h"

namespace agentfense::compiler::cli {
namespace {

// A path as explain takes it: absolute in the view, without `.` and `..`.
bool is_view_path(const std::string &path) {
  if (path.empty() || path[0] != '/') return false;
  for (size_t begin = 1; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view name = std::string_view(path).substr(begin, end - begin);
    if (name == "." || name == "..") return false;
    begin = end + 1;
  }
  return true;
}

struct Arguments {
  PolicyArguments policy;
  std::vector<std::string> paths;
  bool quiet = false;
  bool json = false;
};

int explain_table(const Arguments &arguments) {
  const std::string &file = arguments.policy.source;
  const std::optional<table::Table> t = read_table(file);
  if (!t) return kUsage;
  std::vector<DecidedPath> decided;
  for (const std::string &path : arguments.paths) {
    const table::Explained e = t->explain(path);
    const auto level = static_cast<lang::Level>(e.info.level);
    DecidedPath &d = decided.emplace_back(
        DecidedPath{path, level, level == lang::Level::none && e.info.visible_below, "", "", 0});
    if (e.rule == table::kNoRule) continue;
    const table::RuleView r = t->rule(e.rule);
    d.file = r.file;
    d.text = r.text;
    d.line = r.line;
  }
  if (arguments.json) {
    std::cout << decided_json(file, decided);
    return kFine;
  }
  for (const DecidedPath &d : decided) {
    std::cout << first_line(d.path, d.level, d.text.empty() ? "" : place_and_text(d.file, d.line, d.text),
                            d.traversable);
  }
  if (!arguments.quiet) {
    std::cerr << "agentfense-compile: " << lang::escape_bytes(file)
              << ": is a table and knows the deciding rules alone; explain its policy for the others\n";
  }
  return kFine;
}

void explain_rules(const Arguments &arguments, const lang::RuleSet &rules, const Automaton &automaton) {
  std::vector<ExplainedPath> explained;
  for (const std::string &path : arguments.paths) {
    const WalkedPath w = walk_path(automaton, path);
    ExplainedPath e{path, w.level == lang::Level::none && automaton.facts[w.state].visible_below, {}, {}};
    if (!arguments.quiet) {
      e.explanation = explain_path(rules, path);
      e.changes = find_changes(rules, path, e.explanation);
    }
    if (arguments.json) {
      explained.push_back(std::move(e));
      continue;
    }
    std::string decider;
    if (w.rule != kNoRule) {
      const lang::Rule &r = rules.rules[w.rule];
      decider = place_and_text(rules.files[r.place.file].name, r.place.line, r.text);
    }
    std::cout << first_line(path, w.level, decider, e.traversable);
    if (!arguments.quiet) std::cout << details(rules, e);
  }
  if (arguments.json) std::cout << explained_json(rules, arguments.policy.source, explained);
}

int explain(const Arguments &arguments) {
  for (const std::string &path : arguments.paths) {
    if (is_view_path(path)) continue;
    std::cerr << "agentfense-compile: " << lang::escape_bytes(path)
              << ": is no path of a view; start it with `/` and leave out `.` and `..`\n";
    return kUsage;
  }
  if (looks_like_table(arguments.policy.source)) return explain_table(arguments);
  lang::Diagnostics diagnostics;
  const std::optional<Compilation> compiled = compile_and_print(arguments.policy, diagnostics);
  if (!compiled) return kUsage;
  if (compiled->automaton) explain_rules(arguments, *compiled->rules, *compiled->automaton);
  return compiled->io_error ? kUsage : diagnostics.has_errors() ? kFindings : kFine;
}

}  // namespace

void add_explain(CLI::App &app, int &status) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App *command =
      app.add_subcommand("explain", "Print the level of paths, who decides, and what would change it");
  command->footer(
      "Prints PATH<TAB>LEVEL<TAB>RULE for each path, RULE as file:line text; below it, indented, the rules\n"
      "that lost and the smallest edits that give another level.\n"
      "Example: agentfense-compile explain preset:agent-safe /src/.env /output/log.txt");
  command->add_option("FILE", arguments->policy.source, "A policy file, preset:NAME, or a table")->required();
  command->add_option("PATH", arguments->paths, "Paths in the view")->required();
  CLI::Option *quiet = command->add_flag("-q,--quiet", arguments->quiet, "The first line of each path alone");
  command->add_flag("--json", arguments->json, "All of it as JSON")->excludes(quiet);
  add_policy_options(*command, arguments->policy);
  command->callback([arguments, &status] { status = explain(*arguments); });
}

}  // namespace agentfense::compiler::cli
