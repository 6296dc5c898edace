// load_files: the main file, its imports and the presets it needs -> Program.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lang/diagnostics.h"
#include "lang/load_policy.h"
#include "lang/program.h"

namespace agentfense::lang {

inline constexpr size_t kMaxImportDepth = 16;
inline constexpr size_t kMaxFiles = 256;

// What is said of a file with more than kMaxFileBytes.
[[nodiscard]] std::string too_large_text();

// `text`, where given, is the content of the main file; else it is read from `source`. Program::files
// is never empty.
[[nodiscard]] Program load_files(const std::string &source, std::optional<std::string_view> text,
                                 const LoadOptions &options, FileReader &reader, Diagnostics &diagnostics);

}  // namespace agentfense::lang
