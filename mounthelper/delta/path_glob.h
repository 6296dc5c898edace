// PathGlob: the patterns of --path, for status, diff, apply and discard alike.
//
// The policy language's form: a pattern starts with `/` (the root of the view) or `**/` (any depth, zero too), and
// covers what it names and everything below it. `**` is a whole component: zero or more of them. Inside a component
// `*`, `?`, `[a-z]`, `[!a-z]` and a backslash before one of them have the meaning of fnmatch(3); none crosses `/`,
// and all match a leading dot. Without `{a,b}`: --path is given twice instead.
// Threads: immutable, share freely.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mounthelper/sys/status.h"

namespace agentfense::delta {

class PathGlob {
 public:
  // EINVAL with a sentence for what is no pattern.
  [[nodiscard]] static sys::Result<PathGlob> parse(std::string_view pattern);

  // path: relative, no leading slash; "" is the root.
  [[nodiscard]] bool covers(std::string_view path) const;

 private:
  std::vector<std::string> components_;
};

// Whether one of them covers the path; of none, every path is covered.
[[nodiscard]] bool any_covers(const std::vector<PathGlob> &globs, std::string_view path);

}  // namespace agentfense::delta
