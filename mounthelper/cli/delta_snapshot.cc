#include <cstdio>
#include <string>

#include "mounthelper/cli/delta_commands.h"
#include "mounthelper/cli/delta_main.h"
#include "mounthelper/cli/delta_writing.h"
#include "mounthelper/delta/quote_path.h"
#include "mounthelper/delta/snapshots.h"

namespace agentfense::cli {
namespace {

constexpr const char *kFooter = R"(
Keeps the delta as it is under a name, inside the delta, for delta restore. Blocks are shared where the file system
can, else copied. No view may write to the delta meanwhile.

Examples:
  mount.agentfense delta snapshot ~/delta before-refactoring --base ~/project
  mount.agentfense delta snapshot ~/delta --list --base ~/project

Exit status: 0 done; 2 wrong words or failure.)";

constexpr const char *kRestoreFooter = R"(
Makes the delta what it was when the snapshot was taken; the snapshot stays. What the delta holds now is lost.

Exit status: 0 done; 2 wrong words or failure.)";

std::function<void(size_t)> entries_done(const char *what) {
  auto progress = progress_of(what);
  if (!progress) return {};
  return [progress](size_t done) { progress(done, 0); };
}

int list(const DeltaArguments &arguments) {
  sys::Result<OpenDelta> open = open_delta_to_read(arguments);
  if (!open.ok()) return delta_fail(open.status().message());
  sys::Result<std::vector<std::string>> names = delta::list_snapshots(open->store);
  if (!names.ok()) return delta_fail(names.status().message());
  for (const std::string &name : *names) std::printf("%s\n", delta::quote_path(name).c_str());
  return finish_output(kDeltaDone);
}

int change(const DeltaArguments &arguments, const std::string &name, const char *what,
           sys::Status (*act)(const delta::SnapshotRequest &)) {
  sys::Result<OpenDelta> open = open_delta_to_write(arguments, Writing::delta);
  if (!open.ok()) return delta_fail(open.status().message());
  if (sys::Status status = check_no_journal(*open); !status.ok()) return delta_fail(status.message());
  sys::Status status = act({&open->store, name, entries_done(what), {}});
  return status.ok() ? kDeltaDone : delta_fail(status.message());
}

}  // namespace

int delta_snapshot(std::span<const char *const> words) {
  DeltaArguments arguments;
  std::string name;
  std::string unwanted;
  bool listing = false;
  CLI::App app("Keeps the delta as it is under a name.", "mount.agentfense delta snapshot");
  app.footer(kFooter);
  add_delta_options(app, arguments);
  app.add_option("NAME", name, "of the new snapshot")->type_name("");
  app.add_flag("--list", listing, "list the snapshots there are");
  app.add_option("--delete", unwanted, "delete one")->type_name("NAME");
  if (std::optional<int> answered = parse_words(app, words)) return *answered;
  if ((name.empty() ? 0 : 1) + (listing ? 1 : 0) + (unwanted.empty() ? 0 : 1) != 1) {
    return delta_fail("give one of NAME, --list and --delete; see mount.agentfense delta snapshot --help");
  }
  if (listing) return list(arguments);
  if (!unwanted.empty()) return change(arguments, unwanted, "deleting", delta::delete_snapshot);
  return change(arguments, name, "copying", delta::take_snapshot);
}

int delta_restore(std::span<const char *const> words) {
  DeltaArguments arguments;
  std::string name;
  CLI::App app("Makes the delta what it was.", "mount.agentfense delta restore");
  app.footer(kRestoreFooter);
  add_delta_options(app, arguments);
  app.add_option("NAME", name, "of the snapshot")->required()->type_name("");
  if (std::optional<int> answered = parse_words(app, words)) return *answered;
  return change(arguments, name, "copying", delta::restore_snapshot);
}

}  // namespace agentfense::cli
