// The delta of `mount.agentfense run`: opened before the command, told about, applied, kept or removed after it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "compiler/table/table.h"
#include "mounthelper/cli/run_arguments.h"
#include "mounthelper/delta/ephemeral.h"
#include "mounthelper/delta/store.h"
#include "mounthelper/sys/fd.h"
#include "mounthelper/sys/status.h"

namespace agentfense::cli {

class RunDelta {
 public:
  // Without --delta and --ephemeral it is an empty one. REQUIRES: the caller's own namespaces: in others the ids
  // that are noted would not be those of the base.
  [[nodiscard]] static sys::Result<RunDelta> open(const RunArguments &arguments, const std::string &base_path,
                                                  std::vector<std::byte> table_bytes);

  // Null: changes go to the base.
  [[nodiscard]] const delta::Store *store() const;

  // `status`: the exit status of the command. Says what has changed. Returns the exit status of run: the same, or
  // kHelperFailed where the command succeeded and what was asked for after it did not.
  // REQUIRES: the view is down.
  [[nodiscard]] int finish(const RunArguments &arguments, int status);

 private:
  sys::Status conclude(const RunArguments &arguments, bool apply_now);
  void summarize(const std::string &fate, bool also_nothing) const;
  [[nodiscard]] sys::Status apply(bool quiet) const;
  [[nodiscard]] sys::Result<table::Table> policy() const;
  // The words of a command of `delta` about this one.
  [[nodiscard]] std::string how_to(const char *command) const;

  std::string base_path_;
  sys::Fd base_;
  std::string path_;  // of a named one
  std::optional<delta::Store> named_;
  std::optional<delta::Ephemeral> temporary_;
  std::vector<std::byte> table_bytes_;  // of the policy, which is asked again of what has changed
};

}  // namespace agentfense::cli
