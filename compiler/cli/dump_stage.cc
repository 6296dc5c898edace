#include <iostream>

#include "compiler/automaton/dump.h"
#include "compiler/cli/commands.h"
#include "lang/dump.h"
#include "lang/print_diagnostics.h"

namespace agentfense::compiler::cli {

int dump_stage(const PolicyArguments &arguments, const std::string &stage) {
  CompileOptions options;
  if (!compile_options(arguments, options)) return kUsage;
  lang::DiskReader reader;
  lang::Diagnostics diagnostics;
  const Compilation c = compile(arguments.source, options, reader, diagnostics);
  std::cerr << lang::print_diagnostics(diagnostics.all(), c.files);
  if (stage == "rules" && c.rules) std::cout << lang::dump_rules(*c.rules);
  if (stage == "automaton" && c.automaton) std::cout << dump_automaton(*c.automaton);
  if (c.io_error) return kUsage;
  return diagnostics.has_errors() ? kPolicyErrors : kFine;
}

}  // namespace agentfense::compiler::cli
