// The commands of agentfense-compile. Each returns the exit status: 0 fine, 1 the policy has errors,
// 2 usage or input/output. Results go to stdout, diagnostics and summaries to stderr.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "compiler/pipeline.h"

namespace agentfense::compiler::cli {

enum Exit : int { kFine = 0, kPolicyErrors = 1, kUsage = 2 };

struct PolicyArguments {
  std::string source;
  std::string policy;
  std::vector<std::string> defines;  // NAME=VALUE
  std::vector<std::string> preset_dirs;
};

// Splits the defines and adds the installed presets. False, with a sentence on stderr, where a
// define has no `=`.
[[nodiscard]] bool compile_options(const PolicyArguments &arguments, CompileOptions &options);

[[nodiscard]] int build(const PolicyArguments &arguments, const std::string &output, bool quiet);
[[nodiscard]] int explain(const PolicyArguments &arguments, const std::vector<std::string> &paths);
[[nodiscard]] int verify(const std::string &file);
[[nodiscard]] int dump(const std::string &file, bool json);
[[nodiscard]] int dump_stage(const PolicyArguments &arguments, const std::string &stage);
[[nodiscard]] int presets(const std::vector<std::string> &preset_dirs);

}  // namespace agentfense::compiler::cli
