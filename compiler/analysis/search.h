// Best-first search over configurations, for the shortest path that shows something.
//
// Shortest in bytes, then least with letters before other bytes (see shortest_names()): the same
// answer on every run. A configuration is a sequence of words; equal words are visited once.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace agentfense::compiler {

using Config = std::vector<uint32_t>;

struct Search {
  std::optional<std::string> path;  // of the first configuration that is accepted
  bool over_budget = false;         // gave up after `max_configs`
  uint64_t configs = 0;
};

struct SearchSteps {
  std::function<bool(const Config &)> accept;
  // Calls the given function with each next component name and configuration.
  std::function<void(const Config &, const std::function<void(const std::string &, Config)> &)> expand;
};

[[nodiscard]] Search shortest_path(Config start, const SearchSteps &steps, uint64_t max_configs);

}  // namespace agentfense::compiler
