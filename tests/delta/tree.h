// Trees: making one from a seed, and what can be seen of one, a line for each path.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace agentfense::testing {

// Names that all trees and operations draw from, so that they meet.
[[nodiscard]] const std::vector<std::string> &universe();

// Fills the empty directory `top` with files of every kind, times long past. The same seed gives the same tree.
// hidden: 0 for none, else a seed of its own for what is to be hidden, named `hid`, `*.key` and in `vault` anything
// but `open`; nothing else depends on it.
void fill_tree(const std::string &top, uint64_t seed, uint64_t hidden);

// What the lines hold.
enum class Detail {
  seen,   // what is the same in two directories of the same content
  exact,  // what two views of one kind share too
  all,    // everything but atime: whether a base has been touched
};
using Tree = std::map<std::string, std::string>;  // by path; "." is the top
[[nodiscard]] Tree read_tree(const std::string &top, Detail detail);

// The first line that differs, or nothing.
[[nodiscard]] std::string first_difference(const Tree &left, const Tree &right);

// What tells files apart and a file from its successor: the number, and the time of birth where there is one.
struct Identity {
  uint64_t ino = 0;
  int64_t birth = 0;
  bool lasting = false;  // regular files and directories: only these keep their number over a mount
  bool operator==(const Identity &other) const { return ino == other.ino && birth == other.birth; }
};
using Identities = std::map<std::string, Identity>;
[[nodiscard]] Identities read_identities(const std::string &top);

}  // namespace agentfense::testing
