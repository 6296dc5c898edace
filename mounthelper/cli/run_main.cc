#include "mounthelper/cli/run_main.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "mounthelper/cli/private_view.h"
#include "mounthelper/cli/run_arguments.h"
#include "mounthelper/cli/run_delta.h"
#include "mounthelper/launch/make_plan.h"
#include "mounthelper/launch/private_space.h"
#include "mounthelper/launch/sandbox.h"
#include "mounthelper/launch/supervise.h"
#include "mounthelper/load/load_table.h"
#include "mounthelper/load/preset.h"
#include "mounthelper/mount/harden.h"
#include "mounthelper/sys/base_dir.h"

namespace agentfense::cli {
namespace {

int fail(const std::string &message) {
  std::fprintf(stderr, "mount.agentfense: %s\n", message.c_str());
  return launch::kHelperFailed;
}

sys::Result<table::Table> load_asked(const RunArguments &arguments, std::vector<std::byte> &bytes) {
  if (!arguments.table.empty()) return load::load_table(arguments.table, geteuid(), {}, &bytes);
  sys::Result<std::string> path = load::preset_path(arguments.preset);
  if (!path.ok()) return path.status();
  return load::load_table(*path, geteuid(), {}, &bytes);
}

sys::Result<std::string> resolve_base(const std::string &base) {
  char path[PATH_MAX];
  if (realpath(base.c_str(), path) != nullptr) return std::string(path);
  int error = errno;
  return sys::Status::failure(
      error, "cannot show the base " + base + ": " + std::strerror(error) + "; check the path");
}

// A directory among the three descriptors that the command inherits would be a way out of the sandbox.
sys::Status check_standard_descriptors() {
  constexpr const char *kNames[] = {"input", "output", "error"};
  for (int fd = 0; fd < 3; ++fd) {
    struct stat status {};
    if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
      return sys::Status::failure(EISDIR,
                                  std::string("the standard ") + kNames[fd] +
                                      " is a directory, through which the command could leave the sandbox; "
                                      "redirect it elsewhere");
    }
  }
  return {};
}

fuse::ViewOptions view_options(const RunArguments &arguments, const delta::Store *delta) {
  fuse::ViewOptions view;
  view.read_only = arguments.read_only;
  view.coherence =
      arguments.snapshot ? fuse::ViewOptions::Coherence::snapshot : fuse::ViewOptions::Coherence::live;
  view.ask_open = !arguments.snapshot;
  view.delta = delta;
  view.delta_limit = arguments.delta_size;
  view.delta_volatile = arguments.ephemeral;
  view.verbose = arguments.verbose;
  view.threads = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 2U, 8U));
  return view;
}

// Exit code of the command, or the helper's own with its message said.
int run_in_view(const RunArguments &arguments, table::Table table, const std::string &base_path,
                const delta::Store *delta) {
  // Before the first thread, as namespaces want it.
  sys::Result<launch::Space> space = launch::enter_private_space();
  if (!space.ok()) return fail(space.status().message());
  bool as_root = *space == launch::Space::host_ids;
  sys::Result<sys::Fd> base = sys::open_base(base_path.c_str(), arguments.read_only || delta != nullptr);
  if (!base.ok()) return fail(base.status().message());

  sys::Result<PrivatePlace> place = find_private_place();
  if (!place.ok()) return fail(place.status().message());
  launch::LaunchRequest request;
  request.base = base_path;
  request.view = place->path;
  request.at = arguments.at;
  request.workdir = arguments.workdir;
  request.net = arguments.net;
  request.as_root = as_root;
  request.environment = arguments.environment;
  request.command = arguments.command;
  sys::Result<launch::LaunchPlan> plan = launch::make_plan(request);
  if (!plan.ok()) return fail(plan.status().message());

  sys::Result<sys::Fd> device = mount_private_view(*place, arguments.read_only);
  if (!device.ok()) return fail(device.status().message());

  sigset_t passed = launch::passed_signals();
  sigset_t before;
  sigprocmask(SIG_BLOCK, &passed, &before);
  // bubblewrap starts while the view does: what it asks meanwhile waits in the kernel.
  sys::Result<launch::Sandbox> sandbox = launch::start_sandbox(*plan, before);
  if (!sandbox.ok()) return fail(sandbox.status().message());
  sys::Status hardened = mount::harden(as_root ? mount::Powers::server_for_all : mount::Powers::own_rights,
                                       /*no_new_privileges=*/true);
  if (!hardened.ok()) {
    launch::end_sandbox(*sandbox);
    return fail(hardened.message());
  }

  PrivateView view(std::move(*device), std::move(*base), std::move(table), view_options(arguments, delta));
  launch::Watch watch;
  watch.timeout = arguments.timeout;
  watch.view_ended_fd = view.ended_fd();
  launch::Outcome outcome = launch::supervise(std::move(*sandbox), watch);
  sys::Status served = view.stop();
  launch::take_back_signals(before);
  bool failed = outcome.exit_code == launch::kHelperFailed && !outcome.message.empty();
  if (failed && !served.ok()) outcome.message = served.message();
  if (!outcome.message.empty() && (failed || !arguments.quiet)) fail(outcome.message);
  return outcome.exit_code;
}

}  // namespace

int run_main(std::span<const char *const> words) {
  auto parsed = parse_run_arguments(words);
  if (auto *answer = std::get_if<RunAnswer>(&parsed)) {
    if (answer->exit_code != 0) return fail(answer->text);
    std::fputs(answer->text.c_str(), stdout);
    return 0;
  }
  const RunArguments &arguments = std::get<RunArguments>(parsed);
  if (sys::Status safe = check_standard_descriptors(); !safe.ok()) return fail(safe.message());
  std::vector<std::byte> table_bytes;
  sys::Result<table::Table> table = load_asked(arguments, table_bytes);
  if (!table.ok()) return fail(table.status().message());
  sys::Result<std::string> base = resolve_base(arguments.base);
  if (!base.ok()) return fail(base.status().message());
  sys::Result<RunDelta> delta = RunDelta::open(arguments, *base, std::move(table_bytes));
  if (!delta.ok()) return fail(delta.status().message());
  int status = run_in_view(arguments, std::move(*table), *base, delta->store());
  return delta->finish(arguments, status);
}

}  // namespace agentfense::cli
