// LaunchPlan: one sandboxed command as plain data.
//
// Made by make_plan() from the command line and a look at the host; read by bwrap_arguments(),
// which turns it into bubblewrap's words, and by run(), which carries it out. Nothing in it is
// opened or checked: two equal plans start equal sandboxes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace agentfense::launch {

// A part of the host that a program needs to start: shown read-only, or rebuilt as the symbolic link
// that it is on the host.
struct SystemEntry {
  enum class Kind { read_only, read_only_if_there, symlink };
  Kind kind = Kind::read_only;
  std::string source;       // a host path, a path in the view, or the link's text
  std::string destination;  // absolute, in the sandbox
  auto operator<=>(const SystemEntry &) const = default;
};

struct LaunchPlan {
  std::string bwrap;     // absolute path of the bubblewrap binary
  std::string view;      // where the view is mounted in the helper's own mount namespace
  std::string at;        // where the command finds the view; absolute, no trailing slash
  std::string workdir;   // absolute, in the sandbox
  std::string also_at;   // the base's own place, where a part of the host that is shown holds it; else empty
  bool net = false;      // keep the host's network
  bool as_root = false;  // started by root: a user namespace with every id stands already
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<SystemEntry> system;                               // in the order in which they are laid
  std::vector<std::string> masked;                               // files shown as empty
  std::vector<std::string> frozen;                               // made read-only in place
  std::vector<std::pair<std::string, std::string>> environment;  // all of it, sorted by name
  std::vector<std::string> command;                              // never empty
};

// Descriptors that bubblewrap finds open, and closes before the command starts.
struct LaunchFds {
  int status = -1;  // it writes JSON status lines here
  int passwd = -1;  // contents of /etc/passwd
  int group = -1;   // contents of /etc/group
};

// The words after "bwrap", up to and without the command. Pure. Given over a descriptor (--args), so that they
// do not stand in a process list, neither outside nor, as pid 1's, inside.
[[nodiscard]] std::vector<std::string> bwrap_arguments(const LaunchPlan &plan, const LaunchFds &fds);

// The command as bubblewrap executes it: through env(1), found in the sandbox itself, so that a missing
// command gives 127 and one that cannot be executed 126.
[[nodiscard]] std::vector<std::string> command_words(const LaunchPlan &plan);

// The two files that give the sandbox's ids a name.
[[nodiscard]] std::string passwd_text(const LaunchPlan &plan);
[[nodiscard]] std::string group_text(const LaunchPlan &plan);

// The name of the user in the sandbox: "root" or "user"; the host's names stay outside.
[[nodiscard]] std::string_view user_name(uid_t uid);

}  // namespace agentfense::launch
