// MountOptions: the meaning of a mount's -o text.
//
// Made by parse_mount_options(); read by mount_main.cc. nosuid and nodev always hold and cannot be
// taken back, so they are not part of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace agentfense::mount {

enum class Coherence : unsigned char { live, snapshot };
enum class Opens : unsigned char { asked, cached };

struct MountOptions {
  std::string table;  // exactly one of table and preset is set
  std::string preset;
  std::string delta;  // where changes go; empty: to the base. With read_only it is shown and not changed
  uint64_t delta_size = 0;  // bytes that it may hold; 0: no limit
  bool read_only = false;
  bool allow_other = false;
  Coherence coherence = Coherence::live;
  Opens opens = Opens::asked;        // as given, else asked with live and cached with snapshot
  unsigned long flags = 0;           // MS_NOEXEC, the atime family, MS_SYNCHRONOUS, ...; see mount(2)
  std::vector<std::string> ignored;  // accepted without effect, for -v
};

// `text`: options separated by commas; a value in double quotes may hold commas. With `sloppy`, unknown
// options are ignored. The error is one sentence that names the option.
[[nodiscard]] std::variant<MountOptions, std::string> parse_mount_options(std::string_view text, bool sloppy);

}  // namespace agentfense::mount
