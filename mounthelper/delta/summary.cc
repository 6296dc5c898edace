#include "mounthelper/delta/summary.h"

#include <array>

namespace agentfense::delta {
namespace {

constexpr std::array kKinds{ChangeKind::added, ChangeKind::changed, ChangeKind::metadata, ChangeKind::renamed,
                            ChangeKind::deleted};

}  // namespace

const char *word_for(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::added:
      return "added";
    case ChangeKind::changed:
      return "changed";
    case ChangeKind::metadata:
      return "attributes";
    case ChangeKind::renamed:
      return "renamed";
    case ChangeKind::deleted:
      return "deleted";
  }
  return "";
}

std::string summary_of(std::span<const Change> changes) {
  std::string text;
  for (ChangeKind kind : kKinds) {
    size_t count = 0;
    for (const Change &change : changes) count += change.kind == kind ? 1 : 0;
    if (count == 0) continue;
    if (!text.empty()) text += ", ";
    text += std::to_string(count) + " " + word_for(kind);
  }
  return text.empty() ? "no changes" : text;
}

}  // namespace agentfense::delta
