// preset_path: where the compiled table of a preset lies.
//
// Called by the mount and run commands; the path goes to load_table(), which decides about trust.
#pragma once

#include <string>
#include <string_view>

#include "mounthelper/sys/status.h"

namespace agentfense::load {

// `name` may hold a-z, 0-9 and '-' alone. Looked for, in this order: the directory that the environment
// variable AGENTFENSE_PRESET_DIR names, share/agentfense/presets beside the program's bin directory, and,
// for a program that runs from its build tree, that tree.
[[nodiscard]] sys::Result<std::string> preset_path(std::string_view name);

}  // namespace agentfense::load
