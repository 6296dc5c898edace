// Removing trees through handles: no symlink is followed, no other mount is entered, however deep they are.
#pragma once

#include "mounthelper/sys/status.h"

namespace agentfense::sys {

// Removes all that is in `directory`, also where directories in it have lost their mode bits. Takes few
// descriptors: directories are moved up into `directory` before they are emptied. Stops at the first failure.
// REQUIRES: nobody else changes what is below; `directory` is any handle.
[[nodiscard]] Status remove_contents(int directory);

// The same for one name of `directory`, and the name with it. An absent name is no failure.
[[nodiscard]] Status remove_tree(int directory, const char *name);

}  // namespace agentfense::sys
