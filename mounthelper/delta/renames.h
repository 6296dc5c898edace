// Renames: pairs of a deletion and a creation that are one file moved. Made for changes.cc.
#pragma once

#include <vector>

#include "mounthelper/delta/origins.h"
#include "mounthelper/delta/walk.h"
#include "mounthelper/sys/status.h"

namespace agentfense::delta {

// A file or directory that bears the number of a base file is that file, moved, where the log has the number at a
// path that shows nothing now; of several such paths it is the first that no other took. In a directory that was
// moved, a file without a number of use (an editor wrote it anew, it had several links) was moved with it where one
// of its name and type is gone from the old place; anything that is no regular file only where the content is equal.
// Deletions that became part of a move are gone from `found`.
// REQUIRES: found is in order; upper and base are the handles that it was made of.
[[nodiscard]] sys::Status match_renames(std::vector<Found> &found, const Origins &origins, int upper,
                                        int base);

}  // namespace agentfense::delta
