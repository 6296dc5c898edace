// What mount(8) expects of its helpers.
#pragma once

namespace agentfense::mount {

enum ExitCode : int {
  kSuccess = 0,
  kUsage = 1,         // wrong words, or a permission that the caller lacks
  kSystemError = 2,   // no process, no memory, no descriptor
  kInternal = 4,      // a fault of this program
  kInterrupted = 8,   // by the user
  kMountFailed = 32,  // the table, the base, the directory or the kernel said no
};

}  // namespace agentfense::mount
