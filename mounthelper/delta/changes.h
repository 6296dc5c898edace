// Changes: what a delta makes of its base, path by path. status, diff, apply, discard and the summary of run are
// all made of this list.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mounthelper/delta/origins.h"
#include "mounthelper/delta/store.h"
#include "mounthelper/sys/status.h"

namespace agentfense::delta {

enum class ChangeKind {
  added,     // nothing in the base at this path, or of another type than now (then `before` is set too)
  changed,   // content (a file's bytes, a symlink's target); attributes may differ as well
  metadata,  // the same content; mode, owner or extended attributes differ
  renamed,  // a base file that stood at `from`, perhaps changed too; `from` shows nothing now, and the base has
            // nothing at the new path (else the one is changed or added, the other deleted)
  deleted,
};

struct Change {
  ChangeKind kind = ChangeKind::added;
  std::string path;  // relative, no leading slash; "" is the root, which can only be `metadata`
  std::string from;  // renamed: where it stood in the base
  std::optional<struct stat> before;  // the base's file at path (renamed: at from); none where it has none
  std::optional<struct stat> after;   // the upper's; none where it is deleted
  // changed, metadata, renamed: what of the file is not as it was.
  bool content_differs = false;
  bool attributes_differ = false;  // mode, owner, extended attributes
};

// In the order of paths (bytes of each component; a directory before what is in it). A file that was copied up
// and is the same as the base's again (content, mode, owner) is no change, nor are times alone. A deleted or
// replaced directory yields each path below it that the base has, after it; an added directory each path below it.
// A moved directory is one change for the directory and one for each path below it.
// The delta may be mounted meanwhile: what comes and goes during the walk is there or not. Of `store`, upper and
// meta are used. A failure's message is for the operator.
// REQUIRES: base is a handle of the base's root.
[[nodiscard]] sys::Result<std::vector<Change>> list_changes(const Store &store, int base);

}  // namespace agentfense::delta
