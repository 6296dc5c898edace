// Replicas: a file of the upper layer, made anew in the base. Made for apply_step.cc.
#pragma once

#include <sys/stat.h>

#include <functional>

#include "mounthelper/delta/compare.h"
#include "mounthelper/sys/status.h"

namespace agentfense::delta {

// Makes the free name `name` in `directory` what `upper` is, but for who may open it: content, attributes (the delta's
// own marks left out), times; a file's bytes on the disk where `synced`. It is the caller's alone, mode 0600. Not for
// directories and devices. pause: called between changes. On failure the name may be there.
[[nodiscard]] sys::Status replicate(const FileAt &upper, int directory, const char *name, bool synced,
                                    const std::function<void()> &pause);

// The rest, right before the replica gets its name: owner, ACL, mode.
[[nodiscard]] sys::Status open_replica(const FileAt &upper, int directory, const char *name);

// Gives an open file of the base the attributes, owner, mode and times of the upper one, and takes from it the
// attributes that the upper one has not. REQUIRES: neither is O_PATH; of one type, no symlinks.
[[nodiscard]] sys::Status take_attributes(int upper, int base);

// Whether `base` is such a replica. REQUIRES: both exist.
[[nodiscard]] sys::Result<bool> is_replica(const FileAt &base, const FileAt &upper);

}  // namespace agentfense::delta
