// make_plan: from what was asked for, and what this host looks like, to a LaunchPlan.
//
// Reads the host's file system and environment, and changes nothing.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "mounthelper/launch/plan.h"
#include "mounthelper/sys/status.h"

namespace agentfense::launch {

struct LaunchRequest {
  std::string base;  // resolved path of the base directory
  std::string view;  // where the view is mounted
  std::string at = "/workspace";
  std::string workdir;  // empty: `at`; relative: below `at`
  bool net = false;
  bool as_root = false;
  std::vector<std::pair<std::string, std::string>> environment;  // added to, and over, the stated few
  std::vector<std::string> command;
};

// The failure's message is one sentence.
[[nodiscard]] sys::Result<LaunchPlan> make_plan(const LaunchRequest &request);

// The parts of the host that a command finds beside the view. A part that lies in the base, or holds it, is
// taken from the view, so that what the table hides stays hidden under every name. `also_at` becomes the base's
// own place where a shown part holds it. Exposed for tests.
[[nodiscard]] std::vector<SystemEntry> system_entries(const std::string &base, const std::string &view,
                                                      bool net, std::string &also_at);

}  // namespace agentfense::launch
