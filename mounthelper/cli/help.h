// The text of `mount.agentfense --help`.
#pragma once

namespace agentfense::cli {

[[nodiscard]] const char *help_text();

}  // namespace agentfense::cli
