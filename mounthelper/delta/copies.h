// Copies: what of the upper layer is no change: files and directories that the base has the same, and whiteouts of
// nothing. Made for apply.
#pragma once

#include <sys/stat.h>

#include <string>
#include <unordered_set>
#include <vector>

#include "mounthelper/sys/status.h"

namespace agentfense::delta {

struct Copy {
  std::string path;
  struct stat before {};  // the base's
  struct stat after {};   // the upper's; perhaps of another time
};

[[nodiscard]] inline bool same_time(const Copy &copy) {
  return copy.before.st_mtim.tv_sec == copy.after.st_mtim.tv_sec &&
         copy.before.st_mtim.tv_nsec == copy.after.st_mtim.tv_nsec;
}

// changed: the paths that the list of changes has. A whiteout of nothing is its own `before`.
// REQUIRES: handles of both roots, nobody else writes to the upper layer.
[[nodiscard]] sys::Result<std::vector<Copy>> find_copies(int upper, int base,
                                                         const std::unordered_set<std::string> &changed);

}  // namespace agentfense::delta
