// claude: the permission rules and the sandbox section of Claude Code's settings.json.
//
// As its documents have it (permissions, sandboxing): Read(...) and Edit(...) hold gitignore patterns, where
// //x is absolute, ~/x in the home folder, /x at the project, ./x and x from the working folder; deny beats
// ask beats allow. Paths of sandbox.filesystem are absolute (/x), ~/x, or relative to the project.
#pragma once

#include <string>
#include <string_view>

#include "compiler/import/draft.h"
#include "compiler/import/host_path.h"

namespace agentfense::compiler::import {

[[nodiscard]] Result import_claude(std::string_view json, const std::string &name, const Anchor &anchor);

}  // namespace agentfense::compiler::import
