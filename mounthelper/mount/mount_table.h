// The kernel's own list of mounts, /proc/self/mountinfo.
#pragma once

#include <optional>
#include <string>

namespace agentfense::mount {

// Where the mount of this number is now; none where it is gone, or is no view.
[[nodiscard]] std::optional<std::string> mount_point_of(unsigned long long mount_id);

}  // namespace agentfense::mount
