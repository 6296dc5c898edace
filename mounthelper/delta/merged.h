// MergedDir: one directory of the view, as the upper layer and the base make it up together.
//
// What overlayfs shows by FORMAT.md's table; the policy's filter is the caller's. Threads: safe; the answers are
// of one instant only where nobody changes the upper layer meanwhile.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <string_view>

#include "mounthelper/sys/read_directory.h"
#include "mounthelper/sys/status.h"
#include "mounthelper/view/node_table.h"

namespace agentfense::delta {

// Handles of a directory, not owned; -1 where that layer has no part in it.
struct MergedDir {
  int upper = -1;
  int base = -1;
};

struct Found {
  struct stat info {};  // the real file's: the upper's where there is one
  view::Layering layering;
};

// What stands at `name`. ENOENT: nothing. root_device: the base's, for inode numbers.
[[nodiscard]] sys::Result<Found> look(const MergedDir &directory, const char *name, uint64_t root_device);
// The same without the number, for what is about to go.
[[nodiscard]] sys::Result<Found> look_without_number(const MergedDir &directory, const char *name);

// Every entry but those that `wanted` turns down by name. Types are what look() would say, and so are numbers, but
// that 0 stands for one that look() alone can tell.
[[nodiscard]] sys::Status list(const MergedDir &directory, uint64_t root_device,
                               const std::function<bool(std::string_view)> &wanted,
                               const std::function<void(const sys::RawEntry &)> &each);

// Whether the base has anything of that name, which a removal must cover by a whiteout.
[[nodiscard]] bool base_has(const MergedDir &directory, const char *name);

}  // namespace agentfense::delta
