// Store: the directories of one delta, checked, and held where asked for.
//
// See FORMAT.md for what they hold. Made by the mount and run commands and by `mount.agentfense delta`.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "mounthelper/sys/fd.h"
#include "mounthelper/sys/status.h"

namespace agentfense::delta {

struct Store {
  sys::Fd upper;  // O_PATH handles
  sys::Fd work;
  sys::Fd meta;
  sys::Fd lock;  // the delta is ours while it is open; none where it was opened to be read
};

struct StoreRequest {
  std::string path;       // DIR
  int base = -1;          // handle of the base's root, not owned
  std::string base_path;  // for messages and for `delta`
};

// Opens the delta at `path`, held for this process, its work directory emptied. A path that does not exist,
// or an empty directory, becomes a new delta: upper gets the mode, owner and times of the base's root.
// A failure changes nothing and leaves nothing behind; its sentence says which of these it was: not a
// directory, holds something else, of another base, half of it missing, in use by another process (EBUSY),
// inside the base or around it, on a file system that cannot keep a delta (user attributes, whiteouts,
// RENAME_WHITEOUT), no room.
[[nodiscard]] sys::Result<Store> open_to_write(const StoreRequest &request);

// The same for an existing delta, without holding it: a mounted delta can be read.
[[nodiscard]] sys::Result<Store> open_to_read(const StoreRequest &request);

// Copies the bytes of the policy table that the view is served by into meta, for `delta apply`.
[[nodiscard]] sys::Status keep_table(const Store &store, std::string_view table_bytes);

}  // namespace agentfense::delta
