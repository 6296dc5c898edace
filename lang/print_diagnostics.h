// print_diagnostics: diagnostics as text for people.
//
//   a.afp:7:9: error: `wirte` is no level [expected-level]
//     allow wirte /src
//           ^~~~~
//     fix: write
//
// Bytes that could steer a terminal are shown as \xHH, whatever they come from.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lang/diagnostics.h"

namespace agentfense::lang {

struct PrintOptions {
  bool colour = false;
};

// Places index `files`; a place with line 0 means the file as a whole.
[[nodiscard]] std::string print_diagnostics(const std::vector<Diagnostic> &diagnostics,
                                            const std::vector<SourceFile> &files,
                                            const PrintOptions &options = {});

// Control bytes, backslashes and what is not UTF-8 as \xHH or \\; everything else as it is.
[[nodiscard]] std::string escape_bytes(std::string_view bytes);

// The same with backslashes as they are: for policy text, which spells odd bytes by escapes of its own.
[[nodiscard]] std::string escape_text(std::string_view text);

}  // namespace agentfense::lang
