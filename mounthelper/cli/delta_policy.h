// What the policy of a delta's view hides is in nothing that is shown of the delta.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "compiler/table/table.h"
#include "mounthelper/cli/delta_arguments.h"
#include "mounthelper/delta/changes.h"
#include "mounthelper/sys/status.h"

namespace agentfense::cli {

// --table. REQUIRES: arguments outlive the parse.
void add_table_option(CLI::App &app, DeltaArguments &arguments);

// The file that --table names, else the table that the delta keeps of its last mount.
[[nodiscard]] std::string table_path(const DeltaArguments &arguments);

struct AskedChanges {
  std::vector<delta::Change> changes;
  std::vector<std::string> hidden;  // paths that were left out
};

// The changes whose path, or whose former one, is covered by a pattern of --path, without what the policy hides. No
// policy where there is neither --table nor a table in the delta, as in one of plain overlayfs; one that cannot be
// loaded is a failure.
[[nodiscard]] sys::Result<AskedChanges> asked_changes(const DeltaArguments &arguments, const OpenDelta &open);

// Takes out what deleted directories held unseen: it is not the sandbox's to show, and apply keeps it in the base.
std::vector<std::string> take_hidden(std::vector<delta::Change> &changes, const table::Table &table);

// "<what> leaves out <why>: some of the paths" on stderr, where there are any.
void say_left_out(const char *what, const char *why, const std::vector<std::string> &paths);

}  // namespace agentfense::cli
