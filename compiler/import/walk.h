// Walk: where many patterns stand on the way down a path, and the shortest paths that show something.
//
// Best first over the sets of positions of all patterns; letters and example names as names.h makes them.
// Nothing is sampled: within its budget the search sees one path of every kind there is.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/automaton/names.h"
#include "lang/path_pattern.h"

namespace agentfense::compiler::import {

// Of one path: which patterns match it, and which match it or an ancestor.
struct Standing {
  std::vector<bool> matches;
  std::vector<bool> covers;
};

class Walk {
 public:
  // Nothing where the names of the patterns are beyond the budget of names.h.
  [[nodiscard]] static std::optional<Walk> over(const std::vector<lang::PathPattern> &patterns);

  [[nodiscard]] Standing at(std::string_view path) const;

  struct Kinds {
    std::map<uint64_t, std::string> shortest;  // kind -> shortest path of that kind
    bool complete = true;                      // every path was looked at
  };
  // All kinds of paths but the root, as `kind_of` tells them; 0 is of no interest. Stops early once `enough`
  // kinds were found, where that is not 0.
  [[nodiscard]] Kinds search(const std::function<uint64_t(const Standing &)> &kind_of, size_t enough = 0,
                             uint64_t max_steps = 3'000'000) const;

 private:
  using Config = std::vector<uint32_t>;  // sorted positions; then kBelow + pattern
  static constexpr uint32_t kBelow = 0x80000000;
  struct Item {
    uint32_t pattern;
    bool any_depth = false;
    bool end = false;
    GlobId glob = 0;
  };
  [[nodiscard]] Config start() const;
  [[nodiscard]] Config step(const Config &from, const std::vector<GlobId> &letter) const;
  [[nodiscard]] Config close(Config positions) const;
  [[nodiscard]] Standing standing(const Config &config) const;

  std::vector<Item> items_;
  std::vector<uint32_t> starts_;
  size_t patterns_ = 0;
  NameAutomaton names_;
};

// Whether every path that `inner` covers is covered by `outer`; whether some path is covered by both. A doubt
// (the budget) answers no and yes.
[[nodiscard]] bool contains(const lang::PathPattern &outer, const lang::PathPattern &inner);
[[nodiscard]] bool meet(const lang::PathPattern &a, const lang::PathPattern &b);
// Whether some path is matched by both, itself.
[[nodiscard]] bool match_alike(const lang::PathPattern &a, const lang::PathPattern &b);

}  // namespace agentfense::compiler::import
