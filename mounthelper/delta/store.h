// Store: the directories of one delta, checked, and held where asked for.
//
// See FORMAT.md for what they hold. Made by the mount and run commands and by `mount.agentfense delta`.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <string_view>

#include "mounthelper/sys/fd.h"
#include "mounthelper/sys/status.h"

namespace agentfense::delta {

struct Store {
  sys::Fd directory;  // DIR itself; this one and the next three are O_PATH handles
  sys::Fd upper;
  sys::Fd work;
  sys::Fd meta;
  sys::Fd lock;        // the delta is ours while it is open; none where it was opened to be read
  bool synced = true;  // as asked for
};

struct StoreRequest {
  std::string path;       // DIR
  int base = -1;          // handle of the base's root, not owned
  std::string base_path;  // for messages, for `delta`, and to see whether the base lies inside DIR
  bool shrinks =
      false;  // for what only takes from the delta: it need not have room, and is not tried for what it can keep
  bool synced = true;  // false: for a delta that goes with its process, what is made is not synced
  // How long to wait for a holder: the server of a view that was just unmounted ends a moment after umount(8).
  std::chrono::milliseconds patience{1000};
};

// Opens the delta at `path`, held for this process and its children, its work directory emptied. A path that
// does not exist, or an empty directory, becomes a new delta: upper gets the mode, owner, times and attributes
// of the base's root, and meta/origins its line. A new delta whose making a crash cut short is made anew.
// A failure changes nothing and leaves nothing behind; its sentence says which of these it was: not a
// directory, holds something else, of another base, half of it missing, in use by another process (EBUSY),
// inside the base or around it, on a file system that cannot keep a delta (user attributes, whiteouts,
// RENAME_WHITEOUT and RENAME_EXCHANGE), no room.
// A new delta's DIR is its owner's alone, as meta always is: the view of a helper that runs as root makes files in
// work with the ids of its callers, so that work has mode 1777 there. Elsewhere it is the owner's as well.
[[nodiscard]] sys::Result<Store> open_to_write(const StoreRequest &request);

// The same for an existing delta, without holding or changing it: a mounted delta can be read, and one on a
// read-only file system. ENOENT where there is none.
[[nodiscard]] sys::Result<Store> open_to_read(const StoreRequest &request);

// EBUSY, with its sentence, where an apply or a discard was cut short: a view must not change the delta until that was
// run again and has finished it.
[[nodiscard]] sys::Status check_settled(const Store &store, const StoreRequest &request);

// Copies the bytes of the policy table that the view is served by into meta, for `delta apply`.
[[nodiscard]] sys::Status keep_table(const Store &store, std::string_view table_bytes);

}  // namespace agentfense::delta
