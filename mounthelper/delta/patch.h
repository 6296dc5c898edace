// Patch: one file's part of a patch in git's format, such that `git apply` makes the change.
//
// Extended headers, index lines with whole names of blobs, text as hunks, all else as binary literals, forth and
// back. Text is what holds no NUL and is below the limits here; larger files are streamed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "mounthelper/delta/patch_plan.h"
#include "mounthelper/sys/status.h"

namespace agentfense::delta {

constexpr uint64_t kMostTextBytes = uint64_t{32} << 20;
constexpr uint64_t kMostTextLines = 2'000'000;

enum class PatchPart { header, range, context, removed, added, binary };

// A line with its newline.
using PatchSink = std::function<void(PatchPart, std::string_view)>;

struct PatchCount {
  bool binary = false;
  size_t inserted = 0;  // lines
  size_t deleted = 0;
  uint64_t old_size = 0;
  uint64_t new_size = 0;
};

// An empty sink counts alone. A failure's message is for the operator.
// REQUIRES: handles of the base's root and of the upper layer that the plan was made of.
[[nodiscard]] sys::Result<PatchCount> write_patch(const PatchFile &file, int base, int upper,
                                                  const PatchSink &sink);

}  // namespace agentfense::delta
