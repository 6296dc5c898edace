// Side: one of the two directories that the same operations go to, and what is open in it.
#pragma once

#include <sys/stat.h>

#include <array>
#include <string>

#include "tests/delta/script.h"

namespace agentfense::testing {

inline constexpr size_t kSlots = 8;
// Times from here on are "now": when an operation ran is no part of its answer.
inline constexpr time_t kNow = 1'600'000'000;

struct Side {
  std::string root;
  int root_fd = -1;
  std::array<int, kSlots> slots;  // -1: closed, and then answers with EBADF
  // Whether answers hold what only two views of one kind share: the order of listings, positions, blocks.
  bool exact = false;
};

[[nodiscard]] Side open_side(const std::string &root, bool exact);
void close_side(Side &side);

// What the operation answers: its value, or the name of its error, in one line. Never throws for what a file
// system answers; ends the program for a verb that does not exist.
[[nodiscard]] std::string execute(const Op &op, Side &side);

[[nodiscard]] std::string error_name(int error);
// Of everything that is the same in two directories of the same content.
[[nodiscard]] std::string stat_text(const struct stat &info, bool exact);

}  // namespace agentfense::testing
