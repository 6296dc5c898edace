// The commands of agentfense-compile, one file each. Each returns the exit status: 0 fine, 1 findings
// at or above what the command fails on, 2 usage or input/output. Results go to stdout; diagnostics of
// `build`, progress and summaries to stderr.
#pragma once

#include <CLI/CLI.hpp>

namespace agentfense::compiler::cli {

enum Exit : int { kFine = 0, kFindings = 1, kUsage = 2 };

// Adds a command with its options to `app`; parsing then sets `status` where the command ran.
// REQUIRES: app and status outlive the parse.
void add_build(CLI::App &app, int &status);
void add_check(CLI::App &app, int &status);
void add_diff(CLI::App &app, int &status);
void add_explain(CLI::App &app, int &status);
void add_test(CLI::App &app, int &status);
void add_fmt(CLI::App &app, int &status);
void add_import(CLI::App &app, int &status);
void add_verify(CLI::App &app, int &status);
void add_dump(CLI::App &app, int &status);
void add_presets(CLI::App &app, int &status);

}  // namespace agentfense::compiler::cli
