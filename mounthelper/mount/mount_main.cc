#include "mounthelper/mount/mount_main.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "mounthelper/delta/store.h"
#include "mounthelper/fuse/serve.h"
#include "mounthelper/load/load_table.h"
#include "mounthelper/load/preset.h"
#include "mounthelper/mount/arguments.h"
#include "mounthelper/mount/attach.h"
#include "mounthelper/mount/detach_process.h"
#include "mounthelper/mount/exit_code.h"
#include "mounthelper/mount/harden.h"
#include "mounthelper/mount/options.h"
#include "mounthelper/mount/place.h"
#include "mounthelper/sys/base_dir.h"

namespace agentfense::mount {
namespace {

int fail(int exit_code, const std::string &message) {
  std::fprintf(stderr, "mount.agentfense: %s\n", message.c_str());
  return exit_code;
}

sys::Status enter_mount_space(const std::string &name) {
  bool number =
      !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
  std::string path = number ? "/proc/" + name + "/ns/mnt" : name;
  sys::Fd space(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (space && setns(space.get(), CLONE_NEWNS) == 0) return {};
  int error = errno;
  return sys::Status::failure(error, "cannot enter the mount namespace " + path + ": " +
                                         std::strerror(error) +
                                         "; give -N the id of a living process or the path of a namespace");
}

// Everything that is known before the process splits.
struct Prepared {
  MountArguments arguments;
  MountOptions options;
  table::Table table;
  sys::Fd base;
  MountPlace place;
  std::optional<delta::Store> delta;  // held from here to the server's end
};

// Opens the delta, if one is asked for. With -f nothing is made: what is not there yet would be.
sys::Status open_delta(Prepared &mount, const std::vector<std::byte> &table_bytes) {
  const MountOptions &options = mount.options;
  if (options.delta.empty()) return {};
  if (sys::Status apart = check_apart(mount.place, options.delta); !apart.ok()) return apart;
  char resolved[PATH_MAX];
  const char *base = realpath(mount.arguments.base.c_str(), resolved);
  delta::StoreRequest request{.path = options.delta,
                              .base = mount.base.get(),
                              .base_path = base != nullptr ? base : mount.arguments.base};
  bool only_look = options.read_only || mount.arguments.fake;
  sys::Result<delta::Store> store = only_look ? delta::open_to_read(request) : delta::open_to_write(request);
  if (!store.ok() && store.error() == ENOENT && mount.arguments.fake && !options.read_only) return {};
  if (!store.ok()) return store.status();
  sys::Status status;
  if (!only_look) status = delta::check_settled(*store, request);
  if (status.ok() && !only_look) {
    status =
        delta::keep_table(*store, {reinterpret_cast<const char *>(table_bytes.data()), table_bytes.size()});
  }
  if (status.ok()) mount.delta = std::move(*store);
  return status;
}

fuse::ViewOptions view_options(const Prepared &mount, int stop_fd) {
  fuse::ViewOptions view;
  view.read_only = mount.options.read_only;
  view.coherence = mount.options.coherence == Coherence::live ? fuse::ViewOptions::Coherence::live
                                                              : fuse::ViewOptions::Coherence::snapshot;
  view.ask_open = mount.options.opens == Opens::asked;
  view.verbose = mount.arguments.verbose;
  view.threads = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 2U, 8U));
  view.stop_fd = stop_fd;
  view.delta = mount.delta ? &*mount.delta : nullptr;
  view.delta_limit = mount.options.delta_size;
  return view;
}

// Whether the view was unmounted (or aborted): the kernel says so on its device.
bool connection_ended(const sys::Fd &device) {
  pollfd fds{device.get(), 0, 0};
  return poll(&fds, 1, 0) == 1 && (fds.revents & POLLERR) != 0;
}

// The server: attaches, gives up what it does not need, serves until unmounted or told to end.
int serve_mount(Prepared mount, Readiness readiness, const sigset_t &ending) {
  bool direct = geteuid() == 0;
  AttachRequest request;
  request.source = mount.arguments.base;
  request.dir_fd = mount.place.fd.get();
  request.dir = mount.place.path;
  request.read_only = mount.options.read_only;
  request.allow_other = mount.options.allow_other;
  request.flags = mount.options.flags;
  sys::Result<sys::Fd> device = direct ? attach_directly(request) : attach_as_user(request);
  if (!device.ok()) {
    readiness.failed(kMountFailed, device.status().message());
    return kMountFailed;
  }
  unsigned long long mount_id = mount_id_at(request.dir);
  // Kept to tell an unmounted view, whose number may be another mount's by the time serve() returns.
  sys::Fd connection(fcntl(device->get(), F_DUPFD_CLOEXEC, 0));
  mount.place.fd.reset();  // the directory below must not be held for as long as the view stands

  // Where fusermount3 mounted, it is needed once more, and works by its set-id bit.
  sys::Status status = harden(direct ? Powers::server_for_all : Powers::own_rights, direct);
  sys::Fd stop(signalfd(-1, &ending, SFD_CLOEXEC));
  if (status.ok()) {
    status = fuse::serve(std::move(*device), std::move(mount.base), std::move(mount.table),
                         view_options(mount, stop.get()), [&readiness] { readiness.ready(); });
  }
  if (!connection_ended(connection)) {
    direct ? detach_directly(mount_id) : detach_as_user(request.dir, mount_id);
  }
  device->reset();
  connection.reset();
  if (status.ok()) return kSuccess;
  // Only now: a caller that hears of a failure finds nothing mounted.
  readiness.failed(kMountFailed, status.message().empty() ? std::strerror(status.error()) : status.message());
  return kMountFailed;
}

void say_what_is_used(const Prepared &mount) {
  const MountOptions &options = mount.options;
  if (!options.delta.empty()) {
    std::fprintf(stderr, "mount.agentfense: %s the delta %s", options.read_only ? "shows" : "changes go to",
                 options.delta.c_str());
    if (options.delta_size != 0) {
      std::fprintf(stderr, ", up to %llu bytes", static_cast<unsigned long long>(options.delta_size));
    }
    std::fputs("\n", stderr);
  }
  for (const std::string &option : mount.options.ignored) {
    std::fprintf(stderr, "mount.agentfense: option %s has no effect on a view\n", option.c_str());
  }
}

}  // namespace

int mount_main(std::span<const char *const> words) {
  auto arguments = parse_mount_arguments(words);
  if (auto *error = std::get_if<std::string>(&arguments)) return fail(kUsage, *error);
  MountArguments &given = std::get<MountArguments>(arguments);
  auto options = parse_mount_options(given.options, given.sloppy);
  if (auto *error = std::get_if<std::string>(&options)) return fail(kUsage, *error);
  MountOptions &wanted = std::get<MountOptions>(options);

  // The table's path belongs to the caller's namespace; BASE and DIR to the one that -N names.
  std::string path = wanted.table;
  if (path.empty()) {
    sys::Result<std::string> preset = load::preset_path(wanted.preset);
    if (!preset.ok()) return fail(kMountFailed, preset.status().message());
    path = *preset;
  }
  std::vector<std::byte> table_bytes;
  sys::Result<table::Table> table = load::load_table(path, geteuid(), {}, &table_bytes);
  if (!table.ok()) return fail(kMountFailed, table.status().message());
  if (!given.mount_space.empty()) {
    if (sys::Status entered = enter_mount_space(given.mount_space); !entered.ok()) {
      return fail(kSystemError, entered.message());
    }
  }
  sys::Result<sys::Fd> base = sys::open_base(given.base.c_str(), wanted.read_only || !wanted.delta.empty());
  if (!base.ok()) return fail(kMountFailed, base.status().message());
  sys::Result<MountPlace> place = open_place(given.dir, base->get(), given.base);
  if (!place.ok()) return fail(kMountFailed, place.status().message());

  Prepared mount{given, wanted, std::move(*table), std::move(*base), std::move(*place), {}};
  if (sys::Status opened = open_delta(mount, table_bytes); !opened.ok()) {
    return fail(kMountFailed, opened.message().empty() ? std::strerror(opened.error()) : opened.message());
  }
  if (given.verbose) say_what_is_used(mount);
  if (given.fake) return kSuccess;

  sigset_t ending;
  sigemptyset(&ending);
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&ending, signal);
  sigprocmask(SIG_BLOCK, &ending, nullptr);
  Split split = split_off_server();
  if (!split.in_server) return split.exit_code;
  return serve_mount(std::move(mount), std::move(split.readiness), ending);
}

}  // namespace agentfense::mount
