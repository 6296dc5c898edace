// inspect: what a directory is that somebody named as a delta. Looks and changes nothing.
#pragma once

#include <string>

#include "mounthelper/delta/identity.h"
#include "mounthelper/sys/fd.h"
#include "mounthelper/sys/status.h"

namespace agentfense::delta {

enum class Finding : unsigned char {
  empty,
  unfinished,  // a new delta whose making was cut short: its directories, all of them empty
  whole,
};

// The failure's message is the second half of a sentence: cause and remedy.
// REQUIRES: `wanted` is the identity that a delta of this base has.
[[nodiscard]] sys::Result<Finding> inspect(int directory, const Identity &wanted);

// A directory of the delta, O_PATH. No symlink, and nothing that is mounted there.
[[nodiscard]] sys::Result<sys::Fd> open_part(int directory, const char *name);

}  // namespace agentfense::delta
