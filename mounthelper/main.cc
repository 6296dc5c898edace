// mount.agentfense: shows a directory through a policy table. As mount(8)'s helper it mounts a view; as
// `mount.agentfense run` it runs one command over a private view, in a sandbox; `mount.agentfense delta` looks at
// what a view kept apart from its base.
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <span>

#include "mounthelper/cli/delta_main.h"
#include "mounthelper/cli/help.h"
#include "mounthelper/cli/run_main.h"
#include "mounthelper/mount/exit_code.h"
#include "mounthelper/mount/mount_main.h"

namespace cli = agentfense::cli;
namespace mount = agentfense::mount;

namespace {

bool has_borrowed_rights() {
  return getauxval(AT_SECURE) != 0 || geteuid() != getuid() || getegid() != getgid();
}

// A descriptor opened later must not become the standard input of a command.
void fill_standard_descriptors() {
  for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    // The lowest free number, which is this one.
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd) _exit(mount::kSystemError);
  }
}

}  // namespace

int main(int argc, char **argv) {
  std::span<const char *const> words(argv + (argc > 0 ? 1 : 0), argc > 0 ? static_cast<size_t>(argc) - 1 : 0);
  if (has_borrowed_rights()) {
    std::fputs(
        "mount.agentfense: it was started with a set-id bit or file capabilities, under which it does not "
        "run; "
        "remove them from the program\n",
        stderr);
    return mount::kUsage;
  }
  fill_standard_descriptors();
  // Others that a caller forgot would live as long as the view.
  syscall(SYS_close_range, 3U, ~0U, 0U);

  if (words.empty()) {
    std::fputs(cli::help_text(), stderr);
    return mount::kUsage;
  }
  if (std::strcmp(words[0], "--help") == 0 || std::strcmp(words[0], "-h") == 0) {
    std::fputs(cli::help_text(), stdout);
    return mount::kSuccess;
  }
  if (std::strcmp(words[0], "--version") == 0 || std::strcmp(words[0], "-V") == 0) {
    std::puts("mount.agentfense " AGENTFENSE_VERSION);
    return mount::kSuccess;
  }
  if (std::strcmp(words[0], "run") == 0) return cli::run_main(words.subspan(1));
  if (std::strcmp(words[0], "delta") == 0) return cli::delta_main(words.subspan(1));
  return mount::mount_main(words);
}
