// The checks of decode(), by concern. Internal to compiler/table.
//
// Each function returns the first check that fails, by its name in FORMAT.md, or nothing. They run
// in the order below, and each may rely on those before it. None recurses; time and memory are
// about linear in the file (check_alike.cc says where they could not be, and what bounds them).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "compiler/table/sections.h"
#include "compiler/table/text.h"

namespace agentfense::table {

using CheckResult = std::optional<DecodeError>;

[[nodiscard]] CheckResult check_size(size_t size, const DecodeLimits &limits);
// Magic, version, size against the header, digest. REQUIRES here and below: bytes start at a
// multiple of kAlignment.
[[nodiscard]] CheckResult check_envelope(std::span<const std::byte> bytes);
// The section table, then the counts in the header against the sections' sizes. Fills `sections`.
[[nodiscard]] CheckResult check_sections(std::span<const std::byte> bytes, Sections &sections);
[[nodiscard]] CheckResult check_strings(const Sections &sections);  // and rules
[[nodiscard]] CheckResult check_labels(const Sections &sections);
[[nodiscard]] CheckResult check_classifier(const Sections &sections);
// Every index in the path automaton.
[[nodiscard]] CheckResult check_path_rows(const Sections &sections);
// What states say of their successors, against the successors.
[[nodiscard]] CheckResult check_path_claims(const Sections &sections);
[[nodiscard]] CheckResult check_alike(const Sections &sections, const DecodeLimits &limits);

// fail("check-name", "state ", 3, " ..."): a failure with its message put together.
template <typename... Parts>
[[nodiscard]] DecodeError fail(std::string_view check, const Parts &...parts) {
  std::string message;
  append(message, parts...);
  return {std::string(check), std::move(message)};
}

}  // namespace agentfense::table
