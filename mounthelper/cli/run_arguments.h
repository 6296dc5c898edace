// The words of `mount.agentfense run`.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace agentfense::cli {

struct RunArguments {
  std::string table;  // exactly one of table and preset is set
  std::string preset;
  std::string base;
  std::string at = "/workspace";
  std::string workdir;
  std::string delta;  // at most one of delta and ephemeral is set; neither: changes go to the base
  bool ephemeral = false;
  bool keep = false;
  uint64_t delta_size = 0;  // bytes; 0: no limit
  bool apply_on_success = false;
  bool read_only = false;
  bool snapshot = false;
  bool net = false;
  bool verbose = false;
  bool quiet = false;
  std::optional<double> timeout;  // seconds, above 0
  std::vector<std::pair<std::string, std::string>> environment;
  std::vector<std::string> command;
};

// Words that end the program at once: help on stdout, or one sentence about an error on stderr.
struct RunAnswer {
  int exit_code = 0;
  std::string text;
};

// `words` are the arguments after "run".
[[nodiscard]] std::variant<RunArguments, RunAnswer> parse_run_arguments(std::span<const char *const> words);

}  // namespace agentfense::cli
