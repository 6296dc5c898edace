#include "mounthelper/sys/below.h"

#include <fcntl.h>

#include "mounthelper/sys/fd.h"

namespace agentfense::sys {

Result<bool> is_below(int dir, const struct stat &top) {
  struct stat here {};
  if (fstat(dir, &here) != 0) return errno_status();
  Fd current;
  int at = dir;
  while (true) {
    Fd parent(openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!parent) return errno_status();
    struct stat above {};
    if (fstat(parent.get(), &above) != 0) return errno_status();
    if (same_file(above, here)) return false;  // the root is its own parent
    if (same_file(above, top)) return true;
    here = above;
    current = std::move(parent);
    at = current.get();
  }
}

}  // namespace agentfense::sys
