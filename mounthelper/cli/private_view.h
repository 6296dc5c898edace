// The view of the run command: mounted where nobody else sees it, served by threads of this process.
#pragma once

#include <string>
#include <thread>

#include "mounthelper/fuse/serve.h"
#include "mounthelper/sys/fd.h"
#include "mounthelper/sys/status.h"

namespace agentfense::cli {

// A directory of the host that the sandbox does not need, to be covered in our own mount namespace. Not
// the base's own path: somebody could move that away between the mount and bubblewrap's look at it, and the
// sandbox would be shown what has come in its place.
struct PrivatePlace {
  sys::Fd fd;
  std::string path;
};

// REQUIRES: a mount namespace of our own (launch::enter_private_space).
[[nodiscard]] sys::Result<PrivatePlace> find_private_place();

[[nodiscard]] sys::Result<sys::Fd> mount_private_view(const PrivatePlace &place, bool read_only);

// Serves from its construction until stop(). Ownership: owns the connection. Threads: use it from one thread.
class PrivateView {
 public:
  PrivateView(sys::Fd device, sys::Fd base, table::Table table, fuse::ViewOptions options);
  PrivateView(const PrivateView &) = delete;
  PrivateView &operator=(const PrivateView &) = delete;
  ~PrivateView();

  // Readable once the view no longer answers.
  [[nodiscard]] int ended_fd() const { return ended_.get(); }
  // Ends the view and says how it went. REQUIRES: nobody uses the view any more.
  sys::Status stop();

 private:
  sys::Fd stop_;
  sys::Fd ended_;
  sys::Status result_;
  std::thread server_;
};

}  // namespace agentfense::cli
