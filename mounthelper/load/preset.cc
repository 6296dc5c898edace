#include "mounthelper/load/preset.h"

#include <sys/auxv.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <vector>

namespace agentfense::load {
namespace {

bool is_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

std::string program_directory() {
  char path[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  if (length <= 0 || length == static_cast<ssize_t>(sizeof path)) return {};
  std::string_view text(path, static_cast<size_t>(length));
  return std::string(text.substr(0, text.rfind('/')));
}

std::vector<std::string> directories() {
  std::vector<std::string> found;
  const char *named = getauxval(AT_SECURE) == 0 ? std::getenv("AGENTFENSE_PRESET_DIR") : nullptr;
  if (named != nullptr && *named != '\0') found.emplace_back(named);
  std::string program = program_directory();
  if (program.empty()) return found;
  found.push_back(program + "/../" AGENTFENSE_PRESETS_FROM_BIN);
  // Only where the program itself lies in the build tree: an installed one must not look into a
  // directory that somebody may have made there since.
  if ((program + "/").starts_with(AGENTFENSE_BUILD_DIR "/"))
    found.emplace_back(AGENTFENSE_BUILD_DIR "/stdlib-presets");
  return found;
}

}  // namespace

sys::Result<std::string> preset_path(std::string_view name) {
  if (!is_name(name)) {
    std::string given(name);
    return sys::Status::failure(EINVAL, "'" + given +
                                            "' is no name of a preset, which has a-z, 0-9 and - alone; "
                                            "to use a file, give --table or table= instead");
  }
  std::string tried;
  for (const std::string &directory : directories()) {
    std::string path = directory + "/" + std::string(name) + ".aft";
    if (access(path.c_str(), F_OK) == 0) return path;
    if (!tried.empty()) tried += ", ";
    tried += directory;
  }
  return sys::Status::failure(ENOENT,
                              "there is no preset " + std::string(name) + " in " + tried +
                                  "; check its name, or set AGENTFENSE_PRESET_DIR to where the tables are");
}

}  // namespace agentfense::load
