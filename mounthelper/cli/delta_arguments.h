// What the commands of `mount.agentfense delta` have in common: their words, and opening what these name.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mounthelper/delta/path_glob.h"
#include "mounthelper/delta/store.h"
#include "mounthelper/sys/fd.h"

namespace agentfense::cli {

struct DeltaArguments {
  std::string delta;
  std::string base;
  std::string table;  // of --table, where it has that
  std::vector<std::string> paths;
};

// Adds DELTA and --base; --path with add_path_option. REQUIRES: arguments outlive the parse.
void add_delta_options(CLI::App &app, DeltaArguments &arguments);
void add_path_option(CLI::App &app, DeltaArguments &arguments);

// The exit status where the words have been answered: help, or an error, which has been said.
[[nodiscard]] std::optional<int> parse_words(CLI::App &app, std::span<const char *const> words);

// Says the sentence on stderr. Returns kDeltaFailed.
int delta_fail(const std::string &message);

// Flushes stdout. `status`, or kDeltaFailed where what was written did not arrive.
[[nodiscard]] int finish_output(int status);

// Whether to colour what goes to this descriptor: a terminal, and no NO_COLOR.
[[nodiscard]] bool colour_on(int fd);

struct OpenDelta {
  sys::Fd base;
  delta::Store store;
};

// Not held: a mounted delta can be read too. The base is opened read-only.
[[nodiscard]] sys::Result<OpenDelta> open_delta_to_read(const DeltaArguments &arguments);

// The patterns of --path.
[[nodiscard]] sys::Result<std::vector<delta::PathGlob>> parse_paths(const DeltaArguments &arguments);

}  // namespace agentfense::cli
