// Splits the mount command in two: a caller that waits, and a server that outlives it.
//
// The server says once, over a pipe, how the mount went; the caller prints that and exits with it, so that a
// mount returns when its view answers and not before, and failures reach the terminal they belong to.
// Threads: use it while the process has one thread.
#pragma once

#include <string>

#include "mounthelper/sys/fd.h"

namespace agentfense::mount {

// The server's end. Dropped without a word, the caller takes it for a crash.
class Readiness {
 public:
  Readiness() = default;
  explicit Readiness(sys::Fd pipe) : pipe_(std::move(pipe)) {}
  // The view answers: leaves the terminal's stdio and the working directory, then lets the caller go.
  void ready();
  // The mount failed; `message` is one sentence without a line end.
  void failed(int exit_code, const std::string &message);

 private:
  sys::Fd pipe_;
};

struct Split {
  bool in_server = false;
  Readiness readiness;  // in the server
  int exit_code = 0;    // in the caller: the server's word
};

// Forks. In the caller it returns once the server has spoken, has died, or a signal (INT, TERM, HUP) has
// come, upon which the server is told to unmount and waited for. REQUIRES: those signals are blocked.
[[nodiscard]] Split split_off_server();

}  // namespace agentfense::mount
