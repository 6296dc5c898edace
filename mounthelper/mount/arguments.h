// The command line as mount(8) passes it to a helper:
//
//   mount.agentfense BASE DIR [-sfnv] [-N namespace] [-o options]... [-t type]
//
// Made by parse_mount_arguments(); read by mount_main.cc. Options stay text here; options.h gives them meaning.
#pragma once

#include <span>
#include <string>
#include <variant>
#include <vector>

namespace agentfense::mount {

struct MountArguments {
  std::string base;
  std::string dir;
  std::string options;      // all -o values, joined by commas
  std::string mount_space;  // -N: a process id, or the path of a mount namespace; empty: our own
  bool fake = false;        // -f: check everything, mount nothing
  bool sloppy = false;      // -s: ignore unknown options
  bool verbose = false;     // -v
};

// `words` are the arguments after the program's name. The error is one sentence.
[[nodiscard]] std::variant<MountArguments, std::string> parse_mount_arguments(
    std::span<const char *const> words);

}  // namespace agentfense::mount
