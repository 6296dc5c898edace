#include "mounthelper/mount/detach_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>

#include "mounthelper/mount/exit_code.h"

namespace agentfense::mount {
namespace {

void say(const std::string &message) { std::fprintf(stderr, "mount.agentfense: %s\n", message.c_str()); }

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t wrote = write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return;
    bytes.remove_prefix(static_cast<size_t>(wrote));
  }
}

// The exit code in one byte, then the message up to the pipe's end.
int hear(int fd) {
  std::string word;
  char buffer[512];
  ssize_t got = 0;
  while ((got = read(fd, buffer, sizeof buffer)) > 0 || (got < 0 && errno == EINTR)) {
    if (got > 0) word.append(buffer, static_cast<size_t>(got));
  }
  if (word.empty()) {
    say("the server ended before the view answered; nothing is mounted by it, see the system's log");
    return kInternal;
  }
  if (word.size() > 1) say(word.substr(1));
  return static_cast<unsigned char>(word[0]);
}

int interrupted(pid_t server) {
  kill(server, SIGTERM);
  while (waitpid(server, nullptr, 0) < 0 && errno == EINTR) {
  }
  say("interrupted before the view answered; nothing is mounted");
  return kInterrupted;
}

int wait_for_word(pid_t server, int pipe) {
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  sys::Fd arrived(signalfd(-1, &signals, SFD_CLOEXEC));
  pollfd wanted[2] = {{pipe, POLLIN, 0}, {arrived.get(), POLLIN, 0}};
  while (poll(wanted, 2, -1) < 0 && errno == EINTR) {
  }
  return wanted[0].revents != 0 ? hear(pipe) : interrupted(server);
}

}  // namespace

void Readiness::ready() {
  // A caller's pipe on stdout or stderr must not stay open for as long as the view is mounted.
  sys::Fd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  for (int fd : {0, 1, 2}) {
    if (null) dup2(null.get(), fd);
  }
  // Where it fails the directory stays busy, which harms no view.
  [[maybe_unused]] int moved = chdir("/");
  write_all(pipe_.get(), std::string_view("\0", 1));
  pipe_.reset();
}

void Readiness::failed(int exit_code, const std::string &message) {
  if (!pipe_) return;
  write_all(pipe_.get(), std::string(1, static_cast<char>(exit_code)) + message);
  pipe_.reset();
}

Split split_off_server() {
  Split split;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    say(std::string("cannot make a pipe: ") + std::strerror(errno) + "; free some descriptors");
    split.exit_code = kSystemError;
    return split;
  }
  sys::Fd from(ends[0]);
  sys::Fd into(ends[1]);
  pid_t server = fork();
  if (server < 0) {
    say(std::string("cannot start the server: ") + std::strerror(errno) + "; free some processes");
    split.exit_code = kSystemError;
    return split;
  }
  if (server == 0) {
    setsid();
    split.in_server = true;
    split.readiness = Readiness(std::move(into));
    return split;
  }
  into.reset();
  split.exit_code = wait_for_word(server, from.get());
  return split;
}

}  // namespace agentfense::mount
