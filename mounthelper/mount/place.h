// The two directories of a mount, opened and checked before anything is mounted.
#pragma once

#include <string>

#include "mounthelper/sys/fd.h"
#include "mounthelper/sys/status.h"

namespace agentfense::mount {

struct MountPlace {
  sys::Fd fd;        // O_PATH
  std::string path;  // resolved, absolute
};

// Opens DIR. It may be BASE itself, or hold it; below BASE it is refused, because the view would then show
// itself inside itself. base_fd: BASE, opened before.
[[nodiscard]] sys::Result<MountPlace> open_place(const std::string &dir, int base_fd,
                                                 const std::string &base);

// A view must not be mounted on the delta that it writes to, or below. What is not there yet holds nothing.
[[nodiscard]] sys::Status check_apart(const MountPlace &place, const std::string &delta);

}  // namespace agentfense::mount
