// Files of the command line: tables in, tables out, presets found.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "compiler/table/table.h"

namespace agentfense::compiler::cli {

// Whether the file starts like a table. False where it cannot be read.
[[nodiscard]] bool looks_like_table(const std::string &file);

// The decoded table, or nothing after a sentence on stderr.
[[nodiscard]] std::optional<table::Table> read_table(const std::string &file);

enum class NewFile { by_umask, like_the_old };  // owner, as far as allowed, and mode

// Writes all of `bytes` under a temporary name beside `file`, syncs, and renames: `file` is whole,
// old or new, whatever happens. False, with a sentence on stderr and nothing left behind, on failure.
[[nodiscard]] bool write_atomically(const std::string &file, std::span<const std::byte> bytes,
                                    NewFile as = NewFile::by_umask);

// Where presets are looked up after the user's own: installed beside the executable, or in its
// build tree.
[[nodiscard]] std::vector<std::string> standard_preset_dirs();

}  // namespace agentfense::compiler::cli
