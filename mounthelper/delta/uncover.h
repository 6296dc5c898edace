// uncover: takes paths out of the upper layer, so that the base shows there. For apply, after the base has them, and for
// discard.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>

#include "mounthelper/delta/store.h"
#include "mounthelper/sys/status.h"

namespace agentfense::delta {

struct UncoverRequest {
  const Store *store = nullptr;  // held; not owned
  int base = -1;
  std::set<std::string> paths;
  // Directories of the base that an apply has given the time of the upper layer's: those that stay take it back from
  // there, also after they were cut short. Others keep their own, and go only where `paths` has them or where the base's
  // has the same. Without a set all of those go that hold nothing and are as the base's but for the time.
  std::optional<std::set<std::string>> settled;
  std::function<void()> pause;  // called between any two changes of the upper layer; may be empty
};

// Of these paths, those where the upper layer still has something: directories that hold more than was asked for.
// Their mode and owner are the base's then.
//
// What shows at every other path stays, at each instant: a directory that shows the upper's alone is first made one
// of both, with a whiteout for each name of the base that it hid. Where a path lies below a whiteout, the directories
// on the way to it appear. A directory that something was taken from, and that says no more than the base's, goes too.
// Can be done again after it was cut short.
[[nodiscard]] sys::Result<std::set<std::string>> uncover(const UncoverRequest &request);

}  // namespace agentfense::delta
