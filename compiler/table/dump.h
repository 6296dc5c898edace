// dump: a Table as text for people, and as JSON for programs.
//
// Canonical: equal tables give equal dumps, so two tables can be compared with diff. Bytes of strings
// that are not printable ASCII are escaped: in the text as \xHH; in JSON, whose strings hold
// characters, well-formed UTF-8 is kept and any other byte is written as the lone surrogate \udcHH
// (as Python's surrogateescape does, so that `json.loads` and `os.fsencode` give the byte back).
// Slow and large: for people and tests.
#pragma once

#include <string>

#include "compiler/table/table.h"

namespace agentfense::table {

[[nodiscard]] std::string dump_text(const Table &table);
[[nodiscard]] std::string dump_json(const Table &table);

// "none", "view", "read", "write".
[[nodiscard]] std::string_view level_word(Level level);

}  // namespace agentfense::table
