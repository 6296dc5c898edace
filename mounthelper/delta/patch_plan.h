// PatchPlan: which files a patch in git's format names, and what it cannot say.
//
// Made of a list of changes; read by patch.cc. Pure.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mounthelper/delta/changes.h"

namespace agentfense::delta {

// git apply takes no patch of about this size, and a sparse file of any size is made at no cost.
constexpr off_t kMostFileBytes = off_t{1} << 30;

// A regular file or a symlink; both sides are of one type.
struct PatchFile {
  std::string old_path;  // the same as new_path unless it moved
  std::string new_path;
  std::optional<struct stat> before;  // none where it is created
  std::optional<struct stat> after;   // none where it is deleted
  bool content_differs = true;
};

struct LeftOut {
  const char *what;  // "empty directories", for a sentence
  std::vector<std::string> paths;
};

struct PatchPlan {
  std::vector<PatchFile> files;
  std::vector<LeftOut> left_out;  // those that there are
};

// REQUIRES: changes are in the order of list_changes.
[[nodiscard]] PatchPlan plan_patch(std::span<const Change> changes);

// 0100644, 0100755 or 0120000: all that git keeps of a mode.
[[nodiscard]] mode_t git_mode(const struct stat &info);

}  // namespace agentfense::delta
