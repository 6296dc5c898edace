// load_table: from a path to a table that may be trusted.
//
// A table decides what a process sees, so its file must be one that nobody but root and the caller
// can have written: a regular file, not reached by a symlink in its last component, owned by root or
// the caller, not writable by group or others, and no larger than the cap. It is read once, whole,
// through the one descriptor that was checked, and then decoded, which checks every byte of it.
// Called by the mount and run commands before anything is mounted.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <vector>

#include "compiler/table/table.h"
#include "mounthelper/sys/status.h"

namespace agentfense::load {

struct LoadLimits {
  size_t max_bytes = size_t{256} << 20;
};

// `caller` is the other owner, besides root, that a table may have. A failure's message names the
// path, the cause and the remedy. `bytes`, where it is given, gets what the file holds.
[[nodiscard]] sys::Result<table::Table> load_table(const std::string &path, uid_t caller,
                                                   const LoadLimits &limits = {},
                                                   std::vector<std::byte> *bytes = nullptr);

}  // namespace agentfense::load
