#include "mounthelper/launch/sandbox.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <sstream>

namespace agentfense::launch {
namespace {

// Where the child puts what bubblewrap reads and writes; everything above is closed.
constexpr int kArgsFd = 3;
constexpr LaunchFds kFds{.status = 4, .passwd = 5, .group = 6};
constexpr int kFirstClosed = 7;

enum class Stage : int { unshare, mapped, limit, groups, proc, descriptors, execute };

struct Report {
  Stage stage;
  int error;
};

sys::Result<sys::Fd> text_file(const std::string &text) {
  sys::Fd file(memfd_create("agentfense", MFD_CLOEXEC));
  if (!file || write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      lseek(file.get(), 0, SEEK_SET) != 0) {
    return sys::errno_status();
  }
  return file;
}

// What the child needs, made before the fork: between fork and exec it only makes system calls.
struct Prepared {
  std::vector<std::string> words;
  std::vector<char *> argv;
  std::string bwrap;
  sys::Fd files[4];  // args, status, passwd, group: moved to 3, 4, 5, 6
  bool as_root = false;
  sigset_t mask{};
};

sys::Status prepare(const LaunchPlan &plan, sys::Fd status, Prepared &prepared) {
  std::string arguments;
  for (const std::string &word : bwrap_arguments(plan, kFds)) arguments.append(word).push_back('\0');
  auto args = text_file(arguments);
  auto passwd = text_file(passwd_text(plan));
  auto group = text_file(group_text(plan));
  for (auto *file : {&args, &passwd, &group}) {
    if (!file->ok()) return file->status();
  }
  prepared.files[0] = std::move(*args);
  prepared.files[1] = std::move(status);
  prepared.files[2] = std::move(*passwd);
  prepared.files[3] = std::move(*group);
  prepared.words = {"bwrap", "--args", std::to_string(kArgsFd), "--"};
  for (std::string &word : command_words(plan)) prepared.words.push_back(std::move(word));
  for (std::string &word : prepared.words) prepared.argv.push_back(word.data());
  prepared.argv.push_back(nullptr);
  prepared.bwrap = plan.bwrap;
  prepared.as_root = plan.as_root;
  return {};
}

[[noreturn]] void give_up(int channel, Stage stage) {
  Report report{stage, errno};
  [[maybe_unused]] ssize_t wrote = write(channel, &report, sizeof report);
  _exit(125);
}

// Root's command gets a user namespace in which every id has its own number, so that owners show right and the
// command still owns what root owns, but no capability in it counts outside; and none further can be made in it.
// The capabilities that stay are those by which bubblewrap builds the sandbox; it drops them for the command.
void enter_user_space(int channel) {
  if (unshare(CLONE_NEWUSER) != 0) give_up(channel, Stage::unshare);
  Report done{Stage::mapped, 0};
  char answer = 0;
  if (write(channel, &done, sizeof done) != sizeof done || read(channel, &answer, 1) != 1) _exit(125);
  int limit = open("/proc/sys/user/max_user_namespaces", O_WRONLY | O_CLOEXEC);
  if (limit < 0 || write(limit, "0", 1) != 1) give_up(channel, Stage::limit);
  close(limit);
  // Where it is forbidden, as in a user namespace that somebody else made, there is nothing to lose either.
  if (setgroups(0, nullptr) != 0 && errno != EPERM) give_up(channel, Stage::groups);
  for (int capability = 0; capability < 64; ++capability) {
    switch (capability) {
      case CAP_SYS_ADMIN:
      case CAP_SYS_CHROOT:
      case CAP_NET_ADMIN:
      case CAP_SETUID:
      case CAP_SETGID:
      case CAP_SYS_PTRACE:
        break;
      default:
        prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    }
  }
}

// Whether the helper, at the other end of the channel, has ended.
bool is_alone(int channel) {
  pollfd end{channel, 0, 0};
  return poll(&end, 1, 0) != 0;
}

[[noreturn]] void become_bwrap(const Prepared &prepared, int channel) {
  // Out of the way of the numbers below; closed by exec, which tells the parent that it worked.
  channel = fcntl(channel, F_DUPFD_CLOEXEC, 64);
  if (channel < 0) _exit(125);
  // bubblewrap looks its child up in /proc, by the number that this pid namespace gives it.
  if (unshare(CLONE_NEWNS) != 0 ||
      ::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) {
    give_up(channel, Stage::proc);
  }
  if (prepared.as_root) enter_user_space(channel);
  int high[4];
  for (int i = 0; i < 4; ++i) {
    high[i] = fcntl(prepared.files[i].get(), F_DUPFD_CLOEXEC, 64);
    if (high[i] < 0) give_up(channel, Stage::descriptors);
  }
  for (int i = 0; i < 4; ++i) {
    if (dup2(high[i], kArgsFd + i) < 0) give_up(channel, Stage::descriptors);
  }
  // Not closed at once but by exec: the channel is among them.
  if (syscall(SYS_close_range, kFirstClosed, ~0U, 1U << 2 /* CLOSE_RANGE_CLOEXEC */) != 0) {
    give_up(channel, Stage::descriptors);
  }
  sigprocmask(SIG_SETMASK, &prepared.mask, nullptr);
  // After the last change of credentials, which would clear it. A helper that ended before has closed its
  // end of the channel by now; one that ends later sends the signal.
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (is_alone(channel)) _exit(125);
  char *nothing[] = {nullptr};
  execve(prepared.bwrap.c_str(), prepared.argv.data(), nothing);
  give_up(channel, Stage::execute);
}

// fork(), into a new pid namespace.
pid_t fork_into_pid_space() {
  return static_cast<pid_t>(syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
}

// Every id that this process knows, onto itself.
std::string identity_map(const char *path) {
  std::ifstream lines(path);
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string inside, outside, count;
    if (fields >> inside >> outside >> count) text.append(inside + " " + inside + " " + count + "\n");
  }
  return text;
}

bool write_map(pid_t child, const char *which, const std::string &text) {
  std::string path = "/proc/" + std::to_string(child) + "/" + which;
  sys::Fd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return file && write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

sys::Status explain(const Report &report, const std::string &bwrap) {
  std::string why = std::strerror(report.error);
  switch (report.stage) {
    case Stage::unshare:
      why = "the kernel gives the sandbox no user namespace (" + why +
            "); check that sysctl user.max_user_namespaces is above 0, and that this is no chroot";
      break;
    case Stage::limit:
      why = "cannot forbid further user namespaces in the sandbox (" + why +
            "); check that /proc/sys is writable to root";
      break;
    case Stage::proc:
      why = "cannot mount a /proc for the sandbox's pid namespace (" + why +
            "); check what limits mounts on this host";
      break;
    case Stage::execute:
      why = "cannot execute " + bwrap + " (" + why + "); install the package bubblewrap";
      break;
    default:
      why = "cannot set up the sandbox's process (" + why + "); check the limits of this host";
  }
  return sys::Status::failure(report.error, why);
}

// Until the child has become bubblewrap, or has said why not.
sys::Status wait_for_exec(pid_t child, int channel, const std::string &bwrap) {
  while (true) {
    Report report{};
    ssize_t got = read(channel, &report, sizeof report);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return {};
    if (report.stage != Stage::mapped) return explain(report, bwrap);
    bool mapped = write_map(child, "uid_map", identity_map("/proc/self/uid_map")) &&
                  write_map(child, "gid_map", identity_map("/proc/self/gid_map"));
    int error = errno;
    if (!mapped || write(channel, "m", 1) != 1) {
      return sys::Status::failure(error, std::string("cannot map ids into the sandbox's user namespace: ") +
                                             std::strerror(error) +
                                             "; check what limits user namespaces on this host");
    }
  }
}

// The first of a process's children, which is its oldest.
pid_t first_child(pid_t pid) {
  std::string name = std::to_string(pid);
  std::ifstream children("/proc/" + name + "/task/" + name + "/children");
  pid_t first = -1;
  return children >> first ? first : -1;
}

}  // namespace

sys::Result<Sandbox> start_sandbox(const LaunchPlan &plan, const sigset_t &mask) {
  int status[2];
  int channel[2];
  if (pipe2(status, O_CLOEXEC) != 0) return sys::errno_status();
  sys::Fd status_out(status[0]);
  sys::Fd status_in(status[1]);
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) != 0) return sys::errno_status();
  sys::Fd ours(channel[0]);
  sys::Fd theirs(channel[1]);
  Prepared prepared;
  prepared.mask = mask;
  if (sys::Status made = prepare(plan, std::move(status_in), prepared); !made.ok()) return made;

  Sandbox sandbox;
  sandbox.bwrap = fork_into_pid_space();
  if (sandbox.bwrap < 0) {
    int error = errno;
    return sys::Status::failure(
        error, std::string("the kernel gives the sandbox no process or pid namespace (") +
                   std::strerror(error) + "); check sysctl user.max_pid_namespaces and ulimit -u");
  }
  if (sandbox.bwrap == 0) {
    close(ours.get());
    become_bwrap(prepared, theirs.get());
  }
  theirs.reset();
  sys::Status started = wait_for_exec(sandbox.bwrap, ours.get(), plan.bwrap);
  sandbox.bwrap_fd = sys::Fd(static_cast<int>(syscall(SYS_pidfd_open, sandbox.bwrap, 0)));
  if (started.ok() && !sandbox.bwrap_fd) started = sys::errno_status();
  sandbox.status = std::move(status_out);
  if (!started.ok()) {
    end_sandbox(sandbox);
    return started;
  }
  return sandbox;
}

void end_sandbox(const Sandbox &sandbox) {
  kill(sandbox.bwrap, SIGKILL);
  // The kernel gives a pid 1 up only when everything in its pid namespace has ended.
  while (waitpid(sandbox.bwrap, nullptr, 0) < 0 && errno == EINTR) {
  }
}

bool signal_command(const Sandbox &sandbox, int number, bool group) {
  // bubblewrap has one child, pid 1 of the sandbox; its first one is the command, and those that it inherits
  // come after it.
  pid_t first = first_child(sandbox.bwrap);
  pid_t command = first > 0 ? first_child(first) : -1;
  if (command <= 0) return false;
  // Both are in the group that the sandbox's pid 1 leads, which is immune to what it does not handle.
  kill(group ? -first : command, number);
  return true;
}

}  // namespace agentfense::launch
