// The fuzzed door: any bytes are refused or are a table of which everything holds.
//
// For libFuzzer, build this with -fsanitize=fuzzer; fuzz_main.cc is the plain program around it.
#include <cstdio>
#include <cstdlib>

#include "compiler/table/encode.h"
#include "tests/table/table_bytes.h"

namespace agentfense::table {
namespace {

void demand(bool holds, const char *what) {
  if (holds) return;
  std::fprintf(stderr, "table_fuzz: %s\n", what);
  std::abort();
}

void examine(const Bytes &bytes) {
  const auto result = decode(bytes, {.max_bytes = size_t{1} << 20});
  if (const auto *error = std::get_if<DecodeError>(&result)) {
    demand(!error->check.empty() && !error->message.empty(), "a refusal without a reason");
    return;
  }
  const Table &table = std::get<Table>(result);
  const auto again = decode(encode(table.image()));
  demand(std::holds_alternative<Table>(again), "a table that does not survive encoding");
  demand(std::get<Table>(again).image() == table.image(), "a table that encoding changes");
  // The dense definition is quadratic and more; small tables show as much as large ones.
  if (uint64_t{table.state_count()} * table.class_count() > 2000) return;
  const std::string fault = fault_of(table);
  demand(fault.empty(), fault.c_str());
}

}  // namespace
}  // namespace agentfense::table

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  using namespace agentfense::table;
  const auto given = std::as_bytes(std::span(data, size));
  Bytes bytes(given.begin(), given.end());
  examine(bytes);
  // Once more past the doors that only a right size and a right digest open.
  if (bytes.size() < sizeof(Header) + kDigestSize) return 0;
  Header header = header_of(bytes);
  header.magic = kMagic;
  header.version = kVersion;
  header.file_size = static_cast<uint32_t>(bytes.size());
  write_at(bytes, 0, header);
  reseal(bytes);
  examine(bytes);
  return 0;
}
