// The commands of `mount.agentfense delta`, one file each. words: those after the command's name.
#pragma once

#include <span>

namespace agentfense::cli {

[[nodiscard]] int delta_status(std::span<const char *const> words);
[[nodiscard]] int delta_diff(std::span<const char *const> words);
[[nodiscard]] int delta_apply(std::span<const char *const> words);
[[nodiscard]] int delta_discard(std::span<const char *const> words);
[[nodiscard]] int delta_snapshot(std::span<const char *const> words);
[[nodiscard]] int delta_restore(std::span<const char *const> words);
[[nodiscard]] int delta_export(std::span<const char *const> words);

}  // namespace agentfense::cli
