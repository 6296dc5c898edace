#include "compiler/table/table.h"

#include <algorithm>

#include "compiler/table/checks.h"

namespace agentfense::table {

std::variant<Table, DecodeError> decode(std::span<const std::byte> bytes, const DecodeLimits &limits) {
  if (CheckResult failed = check_size(bytes.size(), limits)) return *std::move(failed);

  // Copied before anything is read: the caller's bytes may be a mapping that someone else writes to.
  auto layout = std::make_unique<Table::Layout>();
  layout->buffer = aligned_copy(bytes);
  layout->size = bytes.size();
  const std::span<const std::byte> copy(layout->buffer.get(), layout->size);
  if (CheckResult failed = check_envelope(copy)) return *std::move(failed);

  // From here the bytes are what some encoder wrote, which says nothing of who that was.
  const auto digest = copy.last(kDigestSize);
  std::transform(digest.begin(), digest.end(), layout->file_digest.begin(),
                 [](std::byte b) { return std::to_integer<uint8_t>(b); });

  Sections &sections = layout->sections;
  if (CheckResult failed = check_sections(copy, sections)) return *std::move(failed);
  if (CheckResult failed = check_strings(sections)) return *std::move(failed);
  if (CheckResult failed = check_labels(sections)) return *std::move(failed);
  if (CheckResult failed = check_classifier(sections)) return *std::move(failed);
  if (CheckResult failed = check_path_rows(sections)) return *std::move(failed);
  if (CheckResult failed = check_path_claims(sections)) return *std::move(failed);
  if (CheckResult failed = check_alike(sections, limits)) return *std::move(failed);
  return Table(std::move(layout));
}

}  // namespace agentfense::table
