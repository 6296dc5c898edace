#include "mounthelper/fuse/serve.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "mounthelper/fuse/low_level.h"
#include "mounthelper/fuse/operations.h"
#include "mounthelper/fuse/reply.h"
#include "mounthelper/fuse/view.h"

namespace agentfense::fuse {
namespace {

constexpr unsigned kMaxTransfer = 1 << 20;  // bytes of one read or write
constexpr int kWake = SIGUSR1;              // ends a worker's wait for a request

#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 17)
using Capability = uint64_t;
#else
using Capability = unsigned;
#endif

using Session = std::unique_ptr<fuse_session, void (*)(fuse_session *)>;

void want(fuse_conn_info *connection, Capability capability, bool wanted) {
#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 17)
  if (wanted) {
    (void)fuse_set_feature_flag(connection, capability);
  } else {
    fuse_unset_feature_flag(connection, capability);
  }
#else
  if (wanted) {
    connection->want |= connection->capable & capability;
  } else {
    connection->want &= ~capability;
  }
#endif
}

// Set-id bits go at the first write, see OpenFile. The second form spares the question for file
// capabilities that the kernel otherwise asks before every write.
void want_set_id(fuse_conn_info *connection) {
#ifdef FUSE_CAP_HANDLE_KILLPRIV_V2
  if (connection->capable_ext & FUSE_CAP_HANDLE_KILLPRIV_V2) {
    want(connection, FUSE_CAP_HANDLE_KILLPRIV_V2, true);
    return;
  }
#endif
  want(connection, FUSE_CAP_HANDLE_KILLPRIV, true);
}

// See passthrough.h. It takes opens that are asked: the answer to one is where it begins.
void want_passthrough([[maybe_unused]] View &view, [[maybe_unused]] fuse_conn_info *connection) {
#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 17)
  if (!view.options.ask_open || view.own_user != 0) return;
  if (!fuse_set_feature_flag(connection, FUSE_CAP_PASSTHROUGH)) return;
  view.passthrough.enable(view.connection);
#endif
}

void on_init(void *user, fuse_conn_info *connection) {
  View &view = *static_cast<View *>(user);
  bool ask_open = view.options.ask_open;
  for (Capability capability :
       {FUSE_CAP_ASYNC_READ, FUSE_CAP_PARALLEL_DIROPS, FUSE_CAP_READDIRPLUS, FUSE_CAP_READDIRPLUS_AUTO,
        FUSE_CAP_SPLICE_WRITE, FUSE_CAP_SPLICE_MOVE, FUSE_CAP_ASYNC_DIO}) {
    want(connection, capability, true);
  }
  want(connection, FUSE_CAP_AUTO_INVAL_DATA, !view.snapshot());
  want(connection, FUSE_CAP_CACHE_SYMLINKS, view.snapshot());
  // Without open there would be nobody to truncate: the kernel then does it by setattr.
  want(connection, FUSE_CAP_ATOMIC_O_TRUNC, ask_open);
  want(connection, FUSE_CAP_NO_OPEN_SUPPORT, !ask_open);
  want(connection, FUSE_CAP_NO_OPENDIR_SUPPORT, !ask_open || view.snapshot());
  // Each request would cost a pipe; another's writes must be seen at once; handles by number could
  // name what no lookup has decided about.
  want(connection, FUSE_CAP_SPLICE_READ, false);
  want(connection, FUSE_CAP_WRITEBACK_CACHE, false);
  want(connection, FUSE_CAP_EXPORT_SUPPORT, false);
  want_set_id(connection);
  want_passthrough(view, connection);
  connection->max_write = kMaxTransfer;
  connection->max_readahead = std::min(connection->max_readahead, kMaxTransfer);
  if (view.options.verbose) {
    fprintf(stderr, "mount.agentfense: kernel FUSE %u.%u, opens %s, coherence %s, passthrough %s\n",
            connection->proto_major, connection->proto_minor, ask_open ? "asked" : "not asked",
            view.snapshot() ? "snapshot" : "live", view.passthrough.enabled() ? "on" : "off");
  }
}

class Request {
 public:
  ~Request() { std::free(buffer_.mem); }
  Request() = default;
  Request(const Request &) = delete;
  Request &operator=(const Request &) = delete;

  // Receives and answers one. False once the connection has ended.
  bool serve(fuse_session *session) {
    int got = fuse_session_receive_buf(session, &buffer_);
    if (got == -EINTR || got == -EAGAIN) return true;
    if (got <= 0) return false;
    fuse_session_process_buf(session, &buffer_);
    return true;
  }

 private:
  fuse_buf buffer_{};
};

// What processes hold open, and what is deleted while open, takes a descriptor each: one that holds a few
// thousand must not leave the others without.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

// Requests through io_uring cost half of what they cost through read and write; the kernel's parameter
// is off by default.
bool ring_is_on() {
#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 18)
  sys::Fd parameter(open("/sys/module/fuse/parameters/enable_uring", O_RDONLY | O_CLOEXEC));
  char value = 'N';
  return parameter && read(parameter.get(), &value, 1) == 1 && value == 'Y';
#else
  return false;
#endif
}

// kWake interrupts a system call and does nothing else; the former dispositions come back at the end.
class Signals {
 public:
  Signals() {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    sigaction(kWake, &action, &former_wake_);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, nullptr);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, kWake);
    pthread_sigmask(SIG_UNBLOCK, &set, &former_mask_);
  }
  ~Signals() {
    sigaction(kWake, &former_wake_, nullptr);
    pthread_sigmask(SIG_SETMASK, &former_mask_, nullptr);
  }
  Signals(const Signals &) = delete;
  Signals &operator=(const Signals &) = delete;

 private:
  struct sigaction former_wake_ {};
  sigset_t former_mask_{};
};

// The threads that answer. The connection's end ends them all; a stop has to wake those that wait.
class Workers {
 public:
  explicit Workers(fuse_session *session) : session_(session), ended_(eventfd(0, EFD_CLOEXEC)) {}

  void run(int count, int stop_fd) {
    running_ = count;
    std::vector<std::thread> threads;
    for (int i = 1; i < count; ++i) threads.emplace_back([this] { work(); });
    std::thread watcher;
    if (stop_fd >= 0) watcher = std::thread([this, stop_fd] { watch(stop_fd); });
    work();
    for (std::thread &thread : threads) thread.join();
    uint64_t one = 1;
    (void)!write(ended_.get(), &one, sizeof one);
    if (watcher.joinable()) watcher.join();
  }

 private:
  void work() {
    {
      std::lock_guard lock(mutex_);
      ids_.push_back(gettid());
    }
    {
      Request request;
      while (!fuse_session_exited(session_) && request.serve(session_)) {
      }
    }
    --running_;
  }

  void watch(int stop_fd) {
    pollfd fds[2] = {{stop_fd, POLLIN, 0}, {ended_.get(), POLLIN, 0}};
    while (poll(fds, 2, -1) < 0 && errno == EINTR) {
    }
    if (fds[1].revents != 0) return;
    fuse_session_exit(session_);
    // Again and again: a signal that arrives just before a worker's read() wakes nobody.
    while (running_ > 0) {
      {
        std::lock_guard lock(mutex_);
        for (pid_t id : ids_) (void)syscall(SYS_tgkill, getpid(), id, kWake);  // one that ended: ESRCH
      }
      pollfd ended{ended_.get(), POLLIN, 0};
      (void)poll(&ended, 1, 5);
    }
  }

  fuse_session *session_;
  sys::Fd ended_;
  std::atomic<int> running_{0};
  std::mutex mutex_;
  std::vector<pid_t> ids_;  // under mutex_
};

}  // namespace

sys::Status serve(sys::Fd fuse_fd, sys::Fd base, table::Table table, const ViewOptions &options,
                  const std::function<void()> &on_ready) {
  struct stat root {};
  if (fstat(base.get(), &root) != 0 || !S_ISDIR(root.st_mode)) {
    return sys::Status::failure(ENOTDIR, "the base is not a directory; name an existing directory");
  }
  umask(0);
  raise_descriptor_limit();
  Signals signals;
  View view(std::move(base), root, std::move(table), options);
  if (options.delta != nullptr) {
    sys::Result<std::unique_ptr<Names>> names = delta_names(view);
    if (!names.ok()) {
      return sys::Status::failure(names.error(),
                                  std::string("cannot open the list of origins in the delta: ") +
                                      strerror(names.error()) + "; make its folder meta writable");
    }
    view.names = std::move(*names);
  } else {
    view.names = direct_names(view);
  }

  fuse_lowlevel_ops ops = operations(options);
  ops.init = on_init;
  char program[] = "mount.agentfense";
  // A few requests at once for each processor, as each has room for the largest transfer.
  char by_ring[] = "-oio_uring,io_uring_q_depth=4";
  char *argv[] = {program, by_ring, nullptr};
  fuse_args args = FUSE_ARGS_INIT(ring_is_on() ? 2 : 1, argv);
  Session session(fuse_session_new(&args, &ops, sizeof ops, &view), fuse_session_destroy);
  fuse_opt_free_args(&args);  // what libfuse made of them
  if (!session) return sys::Status::failure(ENOMEM, "libfuse could not make a session; free some memory");
  std::string own = "/dev/fd/" + std::to_string(fuse_fd.get());
  if (fuse_session_mount(session.get(), own.c_str()) != 0) {
    return sys::Status::failure(
        EBADF, "libfuse does not take the descriptor of /dev/fuse; use libfuse 3.3 or later");
  }
  view.connection = fuse_fd.release();  // the session's now

  Housekeeper housekeeper(
      [&session](view::NodeId node) { (void)fuse_lowlevel_notify_inval_inode(session.get(), node, 0, 0); },
      [&view] {
        bool files = view.files.close_idle();
        return view.listings.close_idle() || files;
      });
  view.housekeeper = &housekeeper;

  // The kernel's first request is INIT; once it is answered, so is everything after it.
  {
    Request first;
    if (!first.serve(session.get())) {
      return sys::Status::failure(ENOTCONN, "the mount was gone before the view answered; mount again");
    }
  }
  housekeeper.start();
  if (on_ready) on_ready();
  Workers workers(session.get());
  workers.run(std::clamp(options.threads, 1, 64), options.stop_fd);
  // In this order: the housekeeper speaks to the session, whose own threads may still be answering.
  housekeeper.stop();
  session.reset();
  return {};
}

}  // namespace agentfense::fuse
