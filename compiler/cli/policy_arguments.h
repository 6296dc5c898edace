// What every command that reads a policy takes: the policy, -D, --preset-dir; and how its diagnostics
// are printed.
#pragma once

#include <CLI/CLI.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compiler/pipeline.h"
#include "lang/diagnostics.h"

namespace agentfense::compiler::cli {

struct PolicyArguments {
  std::string source;
  std::string policy;
  std::vector<std::string> defines;  // NAME=VALUE
  std::vector<std::string> preset_dirs;
};

// Adds --policy, -D and --preset-dir. REQUIRES: arguments outlive the parse.
void add_policy_options(CLI::App &command, PolicyArguments &arguments);

// Splits the defines and adds the installed presets. False, with a sentence on stderr, where a
// define has no `=`.
[[nodiscard]] bool compile_options(const PolicyArguments &arguments, CompileOptions &options);

// Whether to colour what goes to this file descriptor: a terminal, and no NO_COLOR.
[[nodiscard]] bool colour_on(int fd);

// Diagnostics as text to stderr, without those that a comment allows or that belong to the report alone.
void print_to_stderr(const lang::Diagnostics &diagnostics, const std::vector<lang::SourceFile> &files);

// Compiles and prints to stderr. Nothing where the arguments themselves are faulty, which has been
// said then.
[[nodiscard]] std::optional<Compilation> compile_and_print(const PolicyArguments &arguments,
                                                           lang::Diagnostics &diagnostics);

}  // namespace agentfense::compiler::cli
