#include "mounthelper/cli/delta_arguments.h"
#include "mounthelper/cli/delta_commands.h"
#include "mounthelper/cli/delta_main.h"

namespace agentfense::cli {

int delta_diff(std::span<const char *const> words) {
  DeltaArguments arguments;
  CLI::App app("Writes what the delta makes of its base as a patch.", "mount.agentfense delta diff");
  add_delta_options(app, arguments);
  add_path_option(app, arguments);
  if (std::optional<int> answered = parse_words(app, words)) return *answered;
  return delta_fail("delta diff is not there yet");
}

}  // namespace agentfense::cli
