#include "mounthelper/delta/work.h"

#include <unistd.h>

#include "mounthelper/delta/format.h"

namespace agentfense::delta {

sys::Status Work::make_whiteout(int directory, const char *name) {
  std::lock_guard lock(mutex_);
  for (bool made = false;; made = true) {
    if (!whiteout_.empty() && linkat(directory_, whiteout_.c_str(), directory, name, 0) == 0) return {};
    if (!whiteout_.empty() && errno == EEXIST) return sys::errno_status();
    // It has as many links as the file system allows, or is gone. Where links are refused each is a file.
    if (made) return delta::make_whiteout(directory, name);
    if (!whiteout_.empty()) (void)unlinkat(directory_, whiteout_.c_str(), 0);
    whiteout_ = new_name();
    sys::Status status = delta::make_whiteout(directory_, whiteout_.c_str());
    if (!status.ok()) {
      whiteout_.clear();
      return status;
    }
  }
}

}  // namespace agentfense::delta
