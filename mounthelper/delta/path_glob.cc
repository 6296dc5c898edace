#include "mounthelper/delta/path_glob.h"

#include <fnmatch.h>

#include <algorithm>

namespace agentfense::delta {
namespace {

sys::Status refuse(std::string_view pattern, const std::string &why) {
  return sys::Status::failure(EINVAL, "the pattern " + std::string(pattern) + " " + why);
}

// Positions in a pattern that the components so far can have led to; `**` may also stand for nothing.
using Positions = std::vector<bool>;

void add(const std::vector<std::string> &components, Positions &positions, size_t at) {
  positions[at] = true;
  while (at < components.size() && components[at] == "**") positions[++at] = true;
}

}  // namespace

sys::Result<PathGlob> PathGlob::parse(std::string_view pattern) {
  bool any_depth = pattern == "**" || pattern.starts_with("**/");
  if (!pattern.starts_with('/') && !any_depth) {
    return refuse(pattern, "starts with neither / nor **/; write /" + std::string(pattern) +
                               " for that path or **/" + std::string(pattern) + " for any depth");
  }
  PathGlob glob;
  for (size_t begin = pattern.front() == '/' ? 1 : 0; begin < pattern.size();) {
    size_t end = std::min(pattern.find('/', begin), pattern.size());
    std::string component(pattern.substr(begin, end - begin));
    begin = end + 1;
    if (component.empty() || component == "." || component == "..") {
      return refuse(pattern, "has a component that names nothing; leave out //, . and ..");
    }
    if (component != "**" && component.find("**") != std::string::npos) {
      return refuse(pattern, "has ** beside other characters; let ** be a component of its own");
    }
    if (component.find_first_of("{}") != std::string::npos) {
      return refuse(pattern,
                    "has braces; give --path once for each alternative, or ? for the character itself");
    }
    glob.components_.push_back(std::move(component));
  }
  return glob;
}

bool PathGlob::covers(std::string_view path) const {
  Positions here(components_.size() + 1);
  add(components_, here, 0);
  for (size_t begin = 0; !here.back() && begin < path.size();) {
    size_t end = std::min(path.find('/', begin), path.size());
    std::string name(path.substr(begin, end - begin));
    begin = end + 1;
    Positions next(here.size());
    for (size_t at = 0; at < components_.size(); ++at) {
      if (!here[at]) continue;
      if (components_[at] == "**") {
        add(components_, next, at);
      } else if (fnmatch(components_[at].c_str(), name.c_str(), 0) == 0) {
        add(components_, next, at + 1);
      }
    }
    here = std::move(next);
  }
  return here.back();
}

bool any_covers(const std::vector<PathGlob> &globs, std::string_view path) {
  if (globs.empty()) return true;
  return std::any_of(globs.begin(), globs.end(), [&](const PathGlob &glob) { return glob.covers(path); });
}

}  // namespace agentfense::delta
