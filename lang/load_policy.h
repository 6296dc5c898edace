// load_policy: from a policy's name on the command line to its RuleSet. The door of lang/.
//
// Reads the file and its imports, parses each, binds params, expands sets, follows `extends` and
// picks the policy. Reports every error that it finds, not just the first. LANGUAGE.md is the syntax.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lang/diagnostics.h"
#include "lang/file_reader.h"
#include "lang/rules.h"

namespace agentfense::lang {

struct LoadOptions {
  std::string policy;                                        // --policy; empty: the only one of the main file
  std::vector<std::pair<std::string, std::string>> defines;  // -D name=value
  std::vector<std::string> preset_dirs;                      // searched in order for NAME.afp
};

struct LoadResult {
  // Absent exactly where an error was reported. Its `files` equals `files` below.
  std::optional<RuleSet> rules;
  // Every file that was read, main file first, whether or not there are rules: Place::file indexes
  // it, print_diagnostics needs it. Never empty.
  std::vector<SourceFile> files;
  // The main file itself could not be read (exit status 2), as opposed to a faulty policy (1).
  bool io_error = false;
};

// `source` is a path, "preset:NAME", or "-" for standard input. Imports of standard input are looked
// up in the current folder. Diagnostics are left in the order found; the caller sorts.
[[nodiscard]] LoadResult load_policy(const std::string &source, const LoadOptions &options,
                                     FileReader &reader, Diagnostics &diagnostics);

// The same for text at hand (an editor's buffer, a test); `name` stands for its path.
[[nodiscard]] LoadResult load_policy_text(const std::string &name, std::string_view text,
                                          const LoadOptions &options, FileReader &reader,
                                          Diagnostics &diagnostics);

}  // namespace agentfense::lang
