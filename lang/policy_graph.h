// policy_graph: which policy extends which, over all modules.
#pragma once

#include <cstdint>
#include <vector>

#include "lang/diagnostics.h"
#include "lang/program.h"

namespace agentfense::lang {

inline constexpr uint32_t kNoPolicy = 0xffffffff;

struct PolicyNode {
  const ast::Policy *policy = nullptr;
  uint32_t module = 0;  // index into Program::modules
  uint32_t file = 0;    // index into Program::files
  // For each `extends` the nodes of its bases; one that is unknown, which was reported, is left out.
  std::vector<std::vector<uint32_t>> bases;
};

struct PolicyGraph {
  std::vector<PolicyNode> nodes;
  // Every node, bases before what extends them. Empty where a cycle was reported.
  std::vector<uint32_t> order;

  [[nodiscard]] uint32_t find(uint32_t module, std::string_view name) const;  // kNoPolicy: none
};

[[nodiscard]] PolicyGraph build_policy_graph(const Program &program, Diagnostics &diagnostics);

}  // namespace agentfense::lang
