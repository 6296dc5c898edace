#include <cstdio>
#include <string>

#include "mounthelper/cli/delta_commands.h"
#include "mounthelper/cli/delta_main.h"
#include "mounthelper/cli/delta_writing.h"
#include "mounthelper/delta/discard.h"

namespace agentfense::cli {
namespace {

constexpr const char *kFooter = R"(
Throws the delta's changes away, so that a view of it shows the base again; the base is not touched. With --path only
what the pattern covers; a move goes with both of its ends.

Example:
  mount.agentfense delta discard ~/delta --base ~/project --path '**/*.log'

Exit status: 0 done; 2 wrong words or failure.)";

}  // namespace

int delta_discard(std::span<const char *const> words) {
  DeltaArguments arguments;
  CLI::App app("Throws the delta's changes away.", "mount.agentfense delta discard");
  app.footer(kFooter);
  add_delta_options(app, arguments);
  add_path_option(app, arguments);
  if (std::optional<int> answered = parse_words(app, words)) return *answered;

  sys::Result<std::vector<delta::PathGlob>> globs = parse_paths(arguments);
  if (!globs.ok()) return delta_fail(globs.status().message());
  sys::Result<OpenDelta> open = open_delta_to_write(arguments, Writing::shrinks);
  if (!open.ok()) return delta_fail(open.status().message());
  delta::DiscardRequest request;
  request.store = &open->store;
  request.base = open->base.get();
  request.paths = std::move(*globs);
  sys::Result<size_t> count = delta::discard(request);
  if (!count.ok()) return delta_fail(count.status().message());
  std::printf("%zu discarded\n", *count);
  return finish_output(kDeltaDone);
}

}  // namespace agentfense::cli
