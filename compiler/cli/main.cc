// agentfense-compile: the command line.
#include <CLI/CLI.hpp>

#include <cstdlib>
#include <iostream>

#include "compiler/cli/commands.h"

namespace {

namespace cli = agentfense::compiler::cli;

void add_policy_options(CLI::App &command, cli::PolicyArguments &arguments) {
  command.add_option("--policy", arguments.policy, "The policy of the file to take, where it has several");
  command.add_option("-D", arguments.defines, "Give a param its value")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  command.add_option("--preset-dir", arguments.preset_dirs, "Look for presets here first")
      ->type_name("DIR")
      ->allow_extra_args(false);
}

}  // namespace

int main(int argc, char **argv) {
  CLI::App app{
      "agentfense-compile: turns a policy into a verified rule table\n\n"
      "  agentfense-compile build review.afp -o review.aft\n"
      "  agentfense-compile explain review.afp /src/main.cc /.env\n\n"
      "Exit status: 0 fine, 1 the policy has errors, 2 usage or input/output.",
      "agentfense-compile"};
  app.set_version_flag("--version", std::string("agentfense-compile ") + AGENTFENSE_VERSION);
  app.require_subcommand(1);

  cli::PolicyArguments policy;
  std::string file, output;
  std::vector<std::string> paths;
  bool quiet = false, json = false, rules = false, automaton = false;
  int status = cli::kUsage;

  CLI::App *build_command = app.add_subcommand("build", "Compile a policy to a table and prove it");
  build_command->footer("Example: agentfense-compile build preset:agent-safe -o safe.aft");
  build_command->add_option("FILE", policy.source, "A policy file, preset:NAME, or - for standard input")
      ->required();
  build_command->add_option("-o,--output", output, "The table to write")->required()->type_name("OUT.aft");
  build_command->add_flag("-q,--quiet", quiet, "Say nothing where all is well");
  add_policy_options(*build_command, policy);
  build_command->callback([&] { status = cli::build(policy, output, quiet); });

  CLI::App *explain_command =
      app.add_subcommand("explain", "Print the level of paths and the rule that decides");
  explain_command->footer(
      "Prints PATH<TAB>LEVEL<TAB>RULE for each path, RULE as file:line text.\n"
      "Example: agentfense-compile explain preset:agent-safe /src/.env /output/log.txt");
  explain_command->add_option("FILE", policy.source, "A policy file, preset:NAME, or a table")->required();
  explain_command->add_option("PATH", paths, "Paths in the view")->required();
  add_policy_options(*explain_command, policy);
  explain_command->callback([&] { status = cli::explain(policy, paths); });

  CLI::App *verify_command = app.add_subcommand("verify", "Check every byte of a table");
  verify_command->footer("Example: agentfense-compile verify review.aft");
  verify_command->add_option("OUT.aft", file, "The table")->required();
  verify_command->callback([&] { status = cli::verify(file); });

  CLI::App *dump_command = app.add_subcommand("dump", "Print a table, or an inner form of a policy, as text");
  dump_command->footer("Example: agentfense-compile dump review.aft --json");
  dump_command->add_option("FILE", policy.source, "A table; with --rules or --automaton a policy")
      ->required();
  CLI::Option *json_flag = dump_command->add_flag("--json", json, "As JSON");
  CLI::Option *rules_flag =
      dump_command->add_flag("--rules", rules, "The rules of a policy, nothing left to look up");
  CLI::Option *automaton_flag = dump_command->add_flag("--automaton", automaton, "The automaton of a policy");
  rules_flag->excludes(json_flag)->excludes(automaton_flag);
  automaton_flag->excludes(json_flag);
  add_policy_options(*dump_command, policy);
  dump_command->callback([&] {
    if (rules || automaton) {
      status = cli::dump_stage(policy, rules ? "rules" : "automaton");
    } else {
      status = cli::dump(policy.source, json);
    }
  });

  CLI::App *presets_command = app.add_subcommand("presets", "List the presets and what each opens");
  presets_command->footer("Example: agentfense-compile presets");
  presets_command->add_option("--preset-dir", policy.preset_dirs, "Look here first")->type_name("DIR");
  presets_command->callback([&] { status = cli::presets(policy.preset_dirs); });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &e) {
    const int code = app.exit(e);
    status = code == 0 ? cli::kFine : cli::kUsage;
  }
  if (!std::cout.flush()) {
    std::cerr
        << "agentfense-compile: standard output cannot be written; is its disk full or its reader gone?\n";
    return cli::kUsage;
  }
  return status;
}
