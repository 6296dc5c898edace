#include <iostream>

#include "compiler/automaton/dump.h"
#include "compiler/cli/commands.h"
#include "compiler/cli/files.h"
#include "compiler/cli/policy_arguments.h"
#include "compiler/table/dump.h"
#include "lang/dump.h"

namespace agentfense::compiler::cli {
namespace {

int dump(const std::string &file, bool json) {
  const std::optional<table::Table> t = read_table(file);
  if (!t) return kUsage;
  std::cout << (json ? table::dump_json(*t) : table::dump_text(*t));
  return kFine;
}

int dump_stage(const PolicyArguments &arguments, const std::string &stage) {
  CompileOptions options;
  if (!compile_options(arguments, options)) return kUsage;
  lang::DiskReader reader;
  lang::Diagnostics diagnostics;
  const Compilation c = compile(arguments.source, options, reader, diagnostics);
  print_to_stderr(diagnostics, c.files);
  if (stage == "rules" && c.rules) std::cout << lang::dump_rules(*c.rules);
  if (stage == "automaton" && c.automaton) std::cout << dump_automaton(*c.automaton);
  if (c.io_error) return kUsage;
  return diagnostics.has_errors() ? kFindings : kFine;
}

}  // namespace

void add_dump(CLI::App &app, int &status) {
  struct Arguments {
    PolicyArguments policy;
    bool json = false, rules = false, automaton = false;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App *command = app.add_subcommand("dump", "Print a table, or an inner form of a policy, as text");
  command->footer("Example: agentfense-compile dump review.aft --json");
  command->add_option("FILE", arguments->policy.source, "A table; with --rules or --automaton a policy")
      ->required();
  CLI::Option *json = command->add_flag("--json", arguments->json, "As JSON");
  CLI::Option *rules =
      command->add_flag("--rules", arguments->rules, "The rules of a policy, nothing left to look up");
  CLI::Option *automaton =
      command->add_flag("--automaton", arguments->automaton, "The automaton of a policy");
  rules->excludes(json)->excludes(automaton);
  automaton->excludes(json);
  add_policy_options(*command, arguments->policy);
  command->callback([arguments, &status] {
    if (arguments->rules || arguments->automaton) {
      status = dump_stage(arguments->policy, arguments->rules ? "rules" : "automaton");
    } else {
      status = dump(arguments->policy.source, arguments->json);
    }
  });
}

}  // namespace agentfense::compiler::cli
