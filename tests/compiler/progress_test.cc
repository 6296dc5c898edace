// The progress line: on a terminal alone, after a while, and gone in the end. What is waited for is a
// least time, so a slow machine changes nothing.
#include "compiler/cli/progress.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <string>
#include <thread>

namespace agentfense::compiler::cli {
namespace {

std::string read_all(int fd) {
  std::string out;
  std::array<char, 4096> buffer;
  pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
  while (::poll(&ready, 1, 0) > 0) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got <= 0) break;
    out.append(buffer.data(), static_cast<size_t>(got));
  }
  return out;
}

// What long work writes to stderr where that is `fd`; `read_from` is its other end.
std::string written_by_long_work(int fd, int read_from, const char *term) {
  ::setenv("TERM", term, 1);
  const int saved = ::dup(STDERR_FILENO);
  ::dup2(fd, STDERR_FILENO);
  {
    Progress progress("files of \x1b");
    progress.at(1);
    std::this_thread::sleep_for(std::chrono::milliseconds(600));
    progress.at(12345);
    progress.at(12346);
  }
  ::dup2(saved, STDERR_FILENO);
  ::close(saved);
  return read_all(read_from);
}

struct Terminal {
  int outer = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  int inner = -1;
  Terminal() {
    if (::grantpt(outer) == 0 && ::unlockpt(outer) == 0) inner = ::open(::ptsname(outer), O_RDWR | O_NOCTTY);
  }
  ~Terminal() {
    ::close(inner);
    ::close(outer);
  }
};

TEST(Progress, IsOneLineOnATerminalAndErasedInTheEnd) {
  const Terminal terminal;
  ASSERT_GE(terminal.inner, 0);
  EXPECT_EQ(written_by_long_work(terminal.inner, terminal.outer, "xterm"),
            "\r\x1b[K\x1b[?7l12,345 files of \\x1B\x1b[?7h\r\x1b[K");
}

TEST(Progress, IsNothingOnATerminalThatCannotErase) {
  const Terminal terminal;
  ASSERT_GE(terminal.inner, 0);
  EXPECT_EQ(written_by_long_work(terminal.inner, terminal.outer, "dumb"), "");
}

TEST(Progress, IsNothingElsewhere) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  EXPECT_EQ(written_by_long_work(pipe[1], pipe[0], "xterm"), "");
  ::close(pipe[0]);
  ::close(pipe[1]);
}

}  // namespace
}  // namespace agentfense::compiler::cli
