// decide: may an operation go ahead at a path? Pure; the table's word alone.
//
// Called by mounthelper/fuse before the base is touched, so that a refusal tells nothing about what
// the base holds. An answer is 0 or the errno that the process in the view gets.
#pragma once

#include "compiler/table/table.h"

namespace agentfense::view {

using table::Level;
using table::StateInfo;

enum class Op {
  look,       // lookup, getattr, a directory's entries: visible
  read_link,  // a symlink's target: view
  read,       // content and extended attributes: read
  change,     // content, attributes, extended attributes: write
  create,     // a new name of any kind: write, and the same refusal whether or not the name is taken
  remove,     // unlink, rmdir, a rename's source: write
};

// Something exists here as far as the view is concerned. A path of level none is visible only as a
// directory, and only where something below it is.
[[nodiscard]] constexpr bool visible(const StateInfo &info, bool is_directory) {
  return info.level > Level::none || (is_directory && info.visible_below);
}

// No file of any kind can show at this path, so its name need not be looked up in the base.
[[nodiscard]] constexpr bool always_hidden(const StateInfo &info) {
  return info.level == Level::none && !info.visible_below;
}

// is_directory: what stands at the path; for create, false.
[[nodiscard]] int decide(Op op, const StateInfo &info, bool is_directory);

// One end of a rename, and what stands there.
struct RenameEnd {
  StateInfo info;
  bool exists = false;
  bool is_directory = false;
};

// What a directory that is to be replaced holds unseen: written through, it cannot be replaced for it; under a
// delta it can.
enum class Hidden : unsigned char { makes_full, does_not_count };

// from.exists is taken for granted. A directory moves only where the table treats both subtrees
// alike (EXDEV lets mv(1) copy through the view instead), and, where what is hidden makes it full, replaces
// another only where that one can hold nothing hidden: else "not empty" would tell of it.
[[nodiscard]] int decide_rename(const RenameEnd &from, const RenameEnd &to, bool exchange,
                                Hidden hidden = Hidden::makes_full);

// The least that opening with these flags (O_ACCMODE, O_TRUNC) needs.
[[nodiscard]] int decide_open(int flags, const StateInfo &info);

}  // namespace agentfense::view
