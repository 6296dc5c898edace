// What trees on disk hold, as text to compare: for the tests that write to a base.
#pragma once

#include <map>
#include <string>

namespace agentfense::delta_test {

enum class Detail {
  all,       // content, mode, owner, mtime, user attributes, names of one file
  settling,  // without times of directories and names of one file: a view while an apply is under way
};

// By path, "." the root; temporaries of an apply are left out of `settling`.
using Snapshot = std::map<std::string, std::string>;

[[nodiscard]] Snapshot snapshot(const std::string &root, Detail detail = Detail::all);
// The same of what a view of both shows, by the rules of FORMAT.md, slow and obvious.
[[nodiscard]] Snapshot merged_snapshot(const std::string &upper, const std::string &base,
                                       Detail detail = Detail::all);
// One line for each path that differs.
[[nodiscard]] std::string differences(const Snapshot &expected, const Snapshot &found);

// Gives every file below root a time of its own, made of its path and the seed.
void settle_times(const std::string &root, unsigned seed);

}  // namespace agentfense::delta_test
