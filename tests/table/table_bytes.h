// Encoded tables as bytes to damage, and what every table that decode() lets through must be.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "compiler/table/format.h"
#include "compiler/table/table.h"

namespace agentfense::table {

using Bytes = std::vector<std::byte>;

// Makes the digest at the end right again. REQUIRES: bytes has room for one.
void reseal(Bytes &bytes);

[[nodiscard]] Header header_of(const Bytes &bytes);
[[nodiscard]] SectionEntry entry_of(const Bytes &bytes, uint32_t id);  // REQUIRES: there is one

template <typename T>
[[nodiscard]] T read_at(const Bytes &bytes, size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}
template <typename T>
void write_at(Bytes &bytes, size_t offset, const T &value) {
  std::memcpy(bytes.data() + offset, &value, sizeof value);
}

// The bytes with one more section at the end, in order and sealed.
[[nodiscard]] Bytes with_section(const Bytes &bytes, uint32_t id, const Bytes &content);

// Why a table that decode() accepted should not have been: a state that leads nowhere, or one whose
// claims about its successors are false by the definition. Empty if there is nothing.
[[nodiscard]] std::string fault_of(const Table &table);

// The same for the claims alone.
[[nodiscard]] std::string false_claim(const Image &image);

}  // namespace agentfense::table
