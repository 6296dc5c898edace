// agentfense-compile: the command line.
#include <CLI/CLI.hpp>

#include <iostream>

#include "compiler/cli/commands.h"

int main(int argc, char **argv) {
  namespace cli = agentfense::compiler::cli;

  CLI::App app{
      "agentfense-compile: turns a policy into a verified rule table, and says what the policy means\n\n"
      "  agentfense-compile build review.afp -o review.aft\n"
      "  agentfense-compile check review.afp\n"
      "  agentfense-compile explain review.afp /src/main.cc /.env\n\n"
      "Exit status: 0 fine, 1 findings that the command fails on, 2 usage or input/output.",
      "agentfense-compile"};
  app.set_version_flag("--version", std::string("agentfense-compile ") + AGENTFENSE_VERSION);
  app.require_subcommand(1);

  int status = cli::kUsage;
  cli::add_build(app, status);
  cli::add_check(app, status);
  cli::add_diff(app, status);
  cli::add_explain(app, status);
  cli::add_test(app, status);
  cli::add_fmt(app, status);
  cli::add_import(app, status);
  cli::add_presets(app, status);
  cli::add_verify(app, status);
  cli::add_dump(app, status);

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
