#include "compiler/cli/policy_arguments.h"

#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "compiler/cli/files.h"
#include "lang/print_diagnostics.h"

namespace agentfense::compiler::cli {

void add_policy_options(CLI::App &command, PolicyArguments &arguments) {
  command.add_option("--policy", arguments.policy, "The policy of the file to take, where it has several");
  command.add_option("-D", arguments.defines, "Give a param its value")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  command.add_option("--preset-dir", arguments.preset_dirs, "Look for presets here first")
      ->type_name("DIR")
      ->allow_extra_args(false);
}

bool compile_options(const PolicyArguments &arguments, CompileOptions &options) {
  options.load.policy = arguments.policy;
  options.load.preset_dirs = arguments.preset_dirs;
  for (std::string &dir : standard_preset_dirs()) options.load.preset_dirs.push_back(std::move(dir));
  for (const std::string &define : arguments.defines) {
    const size_t equals = define.find('=');
    if (equals == std::string::npos || equals == 0) {
      std::cerr << "agentfense-compile: -D " << lang::escape_bytes(define) << ": write -D NAME=VALUE\n";
      return false;
    }
    options.load.defines.emplace_back(define.substr(0, equals), define.substr(equals + 1));
  }
  return true;
}

bool colour_on(int fd) {
  // As no-color.org has it: an empty value does not count.
  const char *no_color = std::getenv("NO_COLOR");
  return ::isatty(fd) != 0 && (no_color == nullptr || *no_color == '\0');
}

void print_to_stderr(const lang::Diagnostics &diagnostics, const std::vector<lang::SourceFile> &files) {
  std::vector<lang::Diagnostic> shown;
  for (const lang::Diagnostic &d : diagnostics.all()) {
    if (!d.allowed && !d.report_only) shown.push_back(d);
  }
  std::cerr << lang::print_diagnostics(shown, files, {.colour = colour_on(STDERR_FILENO)});
}

std::optional<Compilation> compile_and_print(const PolicyArguments &arguments,
                                             lang::Diagnostics &diagnostics) {
  CompileOptions options;
  if (!compile_options(arguments, options)) return std::nullopt;
  lang::DiskReader reader;
  Compilation c = compile(arguments.source, options, reader, diagnostics);
  print_to_stderr(diagnostics, c.files);
  return c;
}

}  // namespace agentfense::compiler::cli
