#include "mounthelper/cli/private_view.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

#include "mounthelper/mount/attach.h"

namespace agentfense::cli {
namespace {

void raise_event(int fd) {
  uint64_t one = 1;
  [[maybe_unused]] ssize_t wrote = write(fd, &one, sizeof one);
}

}  // namespace

sys::Result<PrivatePlace> find_private_place() {
  for (const char *path : {"/mnt", "/media", "/srv", "/opt", "/tmp"}) {
    sys::Fd fd(open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (fd) return PrivatePlace{std::move(fd), path};
  }
  return sys::Status::failure(
      ENOENT,
      "found none of /mnt, /media, /srv, /opt and /tmp to mount the view on in private; "
      "create /mnt");
}

sys::Result<sys::Fd> mount_private_view(const PrivatePlace &place, bool read_only) {
  mount::AttachRequest request;
  request.source = "agentfense";  // not the base's path: the sandbox can read its own mount table
  request.dir_fd = place.fd.get();
  request.dir = place.path;
  request.read_only = read_only;
  request.allow_other = true;  // the sandbox is a user namespace of its own
  return mount::attach_directly(request);
}

PrivateView::PrivateView(sys::Fd device, sys::Fd base, table::Table table, fuse::ViewOptions options)
    : stop_(eventfd(0, EFD_CLOEXEC)), ended_(eventfd(0, EFD_CLOEXEC)) {
  options.stop_fd = stop_.get();
  server_ = std::thread(
      [this, options, d = std::move(device), b = std::move(base), t = std::move(table)]() mutable {
        result_ = fuse::serve(std::move(d), std::move(b), std::move(t), options, [] {});
        raise_event(ended_.get());
      });
}

PrivateView::~PrivateView() { (void)stop(); }

sys::Status PrivateView::stop() {
  if (server_.joinable()) {
    raise_event(stop_.get());
    server_.join();
  }
  return result_;
}

}  // namespace agentfense::cli
