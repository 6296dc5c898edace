// spelling: bytes as policy text spells them.
#pragma once

#include <string>
#include <string_view>

namespace agentfense::lang {

// Stands for itself in a bare pattern, outside braces and classes.
[[nodiscard]] bool is_bare_byte(unsigned char b);
// Means something in a pattern unless a backslash stands before it.
[[nodiscard]] bool is_glob_byte(unsigned char b);
[[nodiscard]] bool is_name_byte(unsigned char b);
[[nodiscard]] bool is_name(std::string_view text);  // of a policy, set or param
[[nodiscard]] int hex_value(unsigned char b);       // -1 where it is no hex digit
[[nodiscard]] bool is_utf8(std::string_view text);

// Appends the literal byte as it stands inside quotes: escaped where it must be. Bytes from 0x80 are
// kept where `keep_high`, else \xHH.
void append_quoted_byte(std::string &out, unsigned char b, bool keep_high);

}  // namespace agentfense::lang
