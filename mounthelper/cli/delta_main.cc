#include "mounthelper/cli/delta_main.h"

#include <cstdio>
#include <cstring>
#include <string>

#include "mounthelper/cli/delta_commands.h"

namespace agentfense::cli {
namespace {

struct Command {
  const char *name;
  const char *help;  // a line
  int (*run)(std::span<const char *const> words);
};

constexpr Command kCommands[] = {
    {"status", "list what the delta changes", delta_status},
    {"diff", "write the changes as a patch that git apply takes", delta_diff},
    {"apply", "write the changes into the base, as far as the policy goes", delta_apply},
    {"discard", "throw changes away", delta_discard},
    {"snapshot", "keep the delta as it is under a name", delta_snapshot},
    {"restore", "make it what it was", delta_restore},
    {"export", "write it as a layer of an OCI image", delta_export},
};

std::string help_text() {
  std::string text = R"(Looks at a delta, the changes that a view kept apart from its base.

Usage: mount.agentfense delta COMMAND DELTA --base DIR [options]

Commands:
)";
  for (const Command &command : kCommands) {
    std::string name = command.name;
    name.resize(10, ' ');
    text += "  " + name + command.help + "\n";
  }
  return text + R"(
Examples:
  mount.agentfense delta status ~/delta --base ~/project
  mount.agentfense delta diff ~/delta --base ~/project > changes.patch
  mount.agentfense delta apply ~/delta --base ~/project --path /src

Exit status: 0 done; 1 what a command was told to answer with, or conflicts of apply; 2 wrong words or failure;
3 applied, but for what was refused or changed meanwhile. See each command's --help.
)";
}

}  // namespace

int delta_main(std::span<const char *const> words) {
  if (words.empty()) {
    std::fputs(help_text().c_str(), stderr);
    return kDeltaFailed;
  }
  if (std::strcmp(words[0], "--help") == 0 || std::strcmp(words[0], "-h") == 0) {
    std::fputs(help_text().c_str(), stdout);
    return kDeltaDone;
  }
  for (const Command &command : kCommands) {
    if (std::strcmp(words[0], command.name) == 0) return command.run(words.subspan(1));
  }
  std::fprintf(stderr, "mount.agentfense: delta has no command %s; see mount.agentfense delta --help\n",
               words[0]);
  return kDeltaFailed;
}

}  // namespace agentfense::cli
