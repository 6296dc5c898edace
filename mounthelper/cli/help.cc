#include "mounthelper/cli/help.h"

namespace agentfense::cli {

const char *help_text() {
  return R"(mount.agentfense shows the directory BASE through a compiled policy table.

Usage:
  mount.agentfense BASE DIR -o table=OUT.aft[,OPTION]... [-sfnv] [-N NAMESPACE] [-t TYPE]
  mount.agentfense run (--table OUT.aft | --preset NAME) --base DIR [options] -- COMMAND...
  mount.agentfense delta COMMAND DELTA --base DIR [options]
  mount.agentfense --help | --version

Mount options:
  table=FILE               compiled policy, as agentfense-compile build writes it
  preset=NAME              an installed preset instead, such as agent-safe
  delta=DIR                changes go to DIR, which is made where it is new, and the base is only read
  delta-size=SIZE          at most so many bytes of changes; K, M and G are powers of 1024
  ro, rw                   refuse every change, whatever the table allows
  allow_other              let other users than the mounting one in
  coherence=live|snapshot  live (default): the base may change beside the view;
                           snapshot: it does not, and everything is cached
  open=asked|cached        asked (default with live): every open is decided and can be recorded;
                           cached (default with snapshot): the kernel opens by mode bits
  exec, noexec, atime, noatime, relatime, strictatime, nodiratime, sync, dirsync   as in mount(8)
  nosuid and nodev always hold. user, noauto, nofail, _netdev, x-* and comment= are left to mount(8).

Switches:
  -f  check everything, mount nothing     -s  ignore unknown options
  -v  say what is in use                  -N  mount in the namespace of a process id or path

Examples:
  agentfense-compile build agent.afp -o agent.aft
  mount.agentfense ~/project /mnt/view -o table=agent.aft,ro
  mount -t agentfense /srv/code /mnt/view -o preset=code-review
  umount /mnt/view
  mount.agentfense run --preset agent-safe --base ~/project -- make test
  mount.agentfense delta status ~/delta --base ~/project

Exit status of a mount: 0 the view answers, 1 wrong words, 2 system error, 4 internal fault,
8 interrupted, 32 mount failure. Of run and delta: see mount.agentfense run --help, delta --help.
)";
}

}  // namespace agentfense::cli
