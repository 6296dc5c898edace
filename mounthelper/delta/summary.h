// Summary: changes counted, in a line.
#pragma once

#include <span>
#include <string>

#include "mounthelper/delta/changes.h"

namespace agentfense::delta {

// "added", "changed", "attributes", "renamed", "deleted".
[[nodiscard]] const char *word_for(ChangeKind kind);

// "3 added, 1 deleted", in the order of ChangeKind, those that there are; "no changes".
[[nodiscard]] std::string summary_of(std::span<const Change> changes);

}  // namespace agentfense::delta
