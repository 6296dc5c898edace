// probe: whether the file system below a delta can keep one.
#pragma once

#include <string>

#include "mounthelper/sys/status.h"

namespace agentfense::delta {

// Tries in `work` what the upper layer needs: room for a file, user attributes on files and directories,
// whiteouts, RENAME_WHITEOUT, RENAME_EXCHANGE. Leaves nothing behind. The failure's message is the second half of
// a sentence: cause and remedy.
[[nodiscard]] sys::Status probe(int work);

// The same for what went wrong while a delta was made or opened: `what` could not be done.
[[nodiscard]] sys::Status explain(int error, const std::string &what);

}  // namespace agentfense::delta
