// shown: bytes of policies and paths as UTF-8 that is safe in a terminal, a log and a document.
#pragma once

#include <string>
#include <string_view>

namespace agentfense::compiler::report {

// Control bytes, bytes that hide or turn text around, and what is not UTF-8 as \xHH.
[[nodiscard]] std::string shown(std::string_view bytes);

// The name of a source file as a percent-encoded URI reference (RFC 3986): relative names stay relative,
// absolute ones become file:///..., preset:NAME stays as it is.
[[nodiscard]] std::string uri_of(std::string_view file_name);

}  // namespace agentfense::compiler::report
