#include "mounthelper/fuse/passthrough.h"

#include <sys/ioctl.h>

#include <cerrno>
#include <cstdint>

namespace agentfense::fuse {
namespace {

// From Linux 6.9's <linux/fuse.h>; older headers do not have them. libfuse's own calls report every
// refusal on stderr.
struct BackingMap {
  int32_t fd;
  uint32_t flags;
  uint64_t padding;
};
constexpr unsigned long kBackingOpen = _IOW(229, 1, BackingMap);
constexpr unsigned long kBackingClose = _IOW(229, 2, uint32_t);

}  // namespace

int Passthrough::register_file(int fd) {
  BackingMap map{fd, 0, 0};
  int id = ioctl(connection_, kBackingOpen, &map);
  if (id > 0) {
    works_ = true;
    return id;
  }
  // Refused for good, as in a user namespace; other errors are of the one file.
  if (!works_ && (errno == EPERM || errno == ENOTTY || errno == EOPNOTSUPP)) connection_ = -1;
  return 0;
}

int Passthrough::opened(view::NodeId node, int fd, bool wanted) {
  if (connection_ < 0) return 0;
  std::lock_guard lock(mutex_);
  Use &use = uses_[node];
  if (use.opens++ == 0 && wanted) use.backing = register_file(fd);
  return use.backing;
}

void Passthrough::closed(view::NodeId node) {
  if (connection_ < 0) return;
  std::lock_guard lock(mutex_);
  auto found = uses_.find(node);
  if (found == uses_.end() || --found->second.opens > 0) return;
  uint32_t backing = static_cast<uint32_t>(found->second.backing);
  if (backing > 0) (void)ioctl(connection_, kBackingClose, &backing);
  uses_.erase(found);
}

}  // namespace agentfense::fuse
