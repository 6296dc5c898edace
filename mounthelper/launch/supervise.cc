#include "mounthelper/launch/supervise.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <deque>

namespace agentfense::launch {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPassed[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};
constexpr auto kRetry = std::chrono::milliseconds(3);

// The number after `"key": ` in bubblewrap's status, which is one flat object a line.
std::optional<int> number_of(const std::string &status, const std::string &key) {
  std::string quoted = "\"" + key + "\":";
  size_t at = status.find(quoted);
  if (at == std::string::npos) return std::nullopt;
  size_t digits = status.find_first_not_of(' ', at + quoted.size());
  int number = 0;
  if (digits == std::string::npos) return std::nullopt;
  auto parsed = std::from_chars(status.data() + digits, status.data() + status.size(), number);
  return parsed.ec == std::errc() ? std::optional(number) : std::nullopt;
}

struct PendingSignal {
  int number;
  bool from_terminal;
};

class Supervisor {
 public:
  Supervisor(Sandbox sandbox, const Watch &watch) : sandbox_(std::move(sandbox)), watch_(watch) {
    sigset_t signals = passed_signals();
    signals_ = sys::Fd(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
    fcntl(sandbox_.status.get(), F_SETFL, O_NONBLOCK);
    if (watch.timeout) {
      deadline_ = Clock::now() +
                  std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(*watch.timeout));
    }
  }

  Outcome run() {
    while (true) {
      std::array<pollfd, 4> wanted = {pollfd{sandbox_.bwrap_fd.get(), POLLIN, 0},
                                      pollfd{status_open_ ? sandbox_.status.get() : -1, POLLIN, 0},
                                      pollfd{signals_.get(), POLLIN, 0},
                                      pollfd{watch_.view_ended_fd, POLLIN, 0}};
      timespec limit{};
      ppoll(wanted.data(), wanted.size(), time_left(limit), nullptr);
      if (wanted[1].revents != 0) read_status();
      if (wanted[2].revents != 0) read_signals();
      pass_signals();
      if (wanted[0].revents != 0) return finish();
      if (wanted[3].revents != 0)
        return end({kHelperFailed, "the view ended before the command, which was killed"});
      if (deadline_ && Clock::now() >= *deadline_)
        return end({kTimedOut, "the time limit has passed; the command was killed"});
    }
  }

 private:
  // How long poll may sleep: to the deadline, and not long while a signal waits for the command to be there.
  timespec *time_left(timespec &limit) const {
    std::optional<Clock::duration> left;
    if (deadline_) left = std::max(*deadline_ - Clock::now(), Clock::duration::zero());
    if (!pending_.empty()) left = std::min<Clock::duration>(left.value_or(kRetry), kRetry);
    if (!left) return nullptr;
    auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(*left).count();
    limit.tv_sec = nanoseconds / 1'000'000'000;
    limit.tv_nsec = nanoseconds % 1'000'000'000;
    return &limit;
  }

  void read_status() {
    char buffer[512];
    ssize_t got = 0;
    while ((got = read(sandbox_.status.get(), buffer, sizeof buffer)) > 0)
      status_.append(buffer, static_cast<size_t>(got));
    if (got == 0) status_open_ = false;
  }

  void read_signals() {
    signalfd_siginfo info{};
    while (read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      pending_.push_back({static_cast<int>(info.ssi_signo), info.ssi_code == SI_KERNEL});
    }
  }

  // What comes before the command is there waits for it.
  void pass_signals() {
    while (!pending_.empty() &&
           signal_command(sandbox_, pending_.front().number, pending_.front().from_terminal)) {
      passed_ = pending_.front().number;
      pending_.pop_front();
    }
  }

  // bubblewrap has ended by itself.
  Outcome finish() {
    read_status();
    end_sandbox(sandbox_);
    if (auto code = number_of(status_, "exit-code")) return {*code, ""};
    // A signal that comes between fork and exec ends a command that never began.
    if (passed_ != 0) return {128 + passed_, ""};
    return {kHelperFailed, "the sandbox was not set up or was killed; see what bwrap says above"};
  }

  Outcome end(Outcome outcome) {
    end_sandbox(sandbox_);
    return outcome;
  }

  Sandbox sandbox_;
  Watch watch_;
  sys::Fd signals_;
  std::optional<Clock::time_point> deadline_;
  std::string status_;
  bool status_open_ = true;
  std::deque<PendingSignal> pending_;
  int passed_ = 0;
};

}  // namespace

sigset_t passed_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal : kPassed) sigaddset(&signals, signal);
  return signals;
}

void take_back_signals(const sigset_t &before) {
  sigset_t passed = passed_signals();
  timespec at_once{};
  while (sigtimedwait(&passed, nullptr, &at_once) > 0 || errno == EINTR) continue;
  sigprocmask(SIG_SETMASK, &before, nullptr);
}

Outcome supervise(Sandbox sandbox, const Watch &watch) { return Supervisor(std::move(sandbox), watch).run(); }

}  // namespace agentfense::launch
