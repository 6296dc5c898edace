// codex: sandbox settings and permission profiles of Codex CLI's config.toml.
//
// As its documents have it: sandbox_mode with [sandbox_workspace_write], where a sandbox_mode in the file
// wins over profiles; or default_permissions with [permissions.NAME.filesystem], where the more specific
// path wins and "deny" (formerly "none") takes reading away.
#pragma once

#include <string>
#include <string_view>

#include "compiler/import/draft.h"
#include "compiler/import/host_path.h"

namespace agentfense::compiler::import {

[[nodiscard]] Result import_codex(std::string_view toml, const std::string &name, const Anchor &anchor);

}  // namespace agentfense::compiler::import
