#include "mounthelper/launch/make_plan.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <sstream>

namespace agentfense::launch {
namespace {

constexpr const char *kPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// Files of /proc that the kernel opens to root by its user id alone, with or without capabilities: writing some
// of them changes the host, reading others tells of its memory.
constexpr const char *kFrozen[] = {"/proc/sys",   "/proc/sysrq-trigger", "/proc/irq",  "/proc/bus",
                                   "/proc/fs",    "/proc/acpi",          "/proc/mtrr", "/proc/scsi",
                                   "/proc/asound"};
constexpr const char *kMasked[] = {
    "/proc/kcore",    "/proc/keys",        "/proc/kpagecount", "/proc/kpageflags",  "/proc/kpagecgroup",
    "/proc/slabinfo", "/proc/vmallocinfo", "/proc/timer_list", "/proc/sched_debug", "/proc/latency_stats"};

std::string find_bwrap() {
  std::string directories = "/usr/bin:/usr/local/bin:/bin";
  if (const char *path = std::getenv("PATH"); path != nullptr) directories += std::string(":") + path;
  std::istringstream parts(directories);
  for (std::string directory; std::getline(parts, directory, ':');) {
    if (!directory.starts_with('/')) continue;
    std::string program = directory + "/bwrap";
    if (access(program.c_str(), X_OK) == 0) return program;
  }
  return {};
}

// Absolute, without empty, "." and ".." components, and without a slash at its end.
bool is_plain(const std::string &path) {
  if (path.size() < 2 || path.front() != '/' || path.back() == '/') return false;
  std::istringstream parts(path.substr(1));
  for (std::string part; std::getline(parts, part, '/');) {
    if (part.empty() || part == "." || part == "..") return false;
  }
  return true;
}

bool belongs_to_system(const std::string &path) {
  constexpr std::array<std::string_view, 13> kTaken = {
      "bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "sbin", "sys", "usr", "run"};
  std::string first = path.substr(1, path.find('/', 1) - 1);
  return std::find(kTaken.begin(), kTaken.end(), first) != kTaken.end();
}

sys::Status check_request(const LaunchRequest &request) {
  if (!is_plain(request.at) || belongs_to_system(request.at)) {
    return sys::Status::failure(
        EINVAL, "--at " + request.at +
                    " is no place for the view; give an absolute path outside the system's own "
                    "directories, such as /workspace");
  }
  for (const auto &[name, value] : request.environment) {
    if (name.empty()) {
      return sys::Status::failure(EINVAL, "--env =" + value + " has no name; write --env NAME=VALUE");
    }
  }
  if (request.command.empty() || request.command.front().empty()) {
    return sys::Status::failure(EINVAL, "no command was given; write it after --");
  }
  return {};
}

std::string variable(const char *name, const char *otherwise) {
  const char *value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

// All that a command finds in its environment; nothing else of the caller's goes in.
std::vector<std::pair<std::string, std::string>> environment_of(const LaunchRequest &request, uid_t uid) {
  std::map<std::string, std::string> variables = {{"PATH", kPath},
                                                  {"HOME", "/tmp"},
                                                  {"LANG", variable("LANG", "C.UTF-8")},
                                                  {"USER", std::string(user_name(uid))}};
  if (isatty(STDIN_FILENO) == 1 || isatty(STDOUT_FILENO) == 1) variables["TERM"] = variable("TERM", "dumb");
  for (const auto &[name, value] : request.environment) variables[name] = value;
  return {variables.begin(), variables.end()};
}

template <size_t N>
std::vector<std::string> those_there(const char *const (&paths)[N]) {
  std::vector<std::string> found;
  for (const char *path : paths) {
    if (access(path, F_OK) == 0) found.emplace_back(path);
  }
  return found;
}

}  // namespace

sys::Result<LaunchPlan> make_plan(const LaunchRequest &request) {
  if (sys::Status status = check_request(request); !status.ok()) return status;
  LaunchPlan plan;
  plan.bwrap = find_bwrap();
  if (plan.bwrap.empty()) {
    return sys::Status::failure(
        ENOENT,
        "bubblewrap was not found in /usr/bin, /usr/local/bin, /bin or PATH; install the "
        "package bubblewrap");
  }
  plan.view = request.view;
  plan.at = request.at;
  plan.workdir = request.workdir.empty()            ? request.at
                 : request.workdir.starts_with('/') ? request.workdir
                                                    : request.at + "/" + request.workdir;
  plan.net = request.net;
  plan.as_root = request.as_root;
  plan.uid = geteuid();
  plan.gid = getegid();
  plan.system = system_entries(request.base, request.view, request.net, plan.also_at);
  if (plan.uid == 0) {
    plan.frozen = those_there(kFrozen);
    plan.masked = those_there(kMasked);
  }
  plan.environment = environment_of(request, plan.uid);
  plan.command = request.command;
  return plan;
}

}  // namespace agentfense::launch
