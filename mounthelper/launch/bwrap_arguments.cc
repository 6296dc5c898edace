#include <algorithm>

#include "mounthelper/launch/plan.h"

namespace agentfense::launch {
namespace {

constexpr const char *kHome = "/tmp";

void add(std::vector<std::string> &words, std::initializer_list<std::string_view> more) {
  words.insert(words.end(), more.begin(), more.end());
}

void add_namespaces(std::vector<std::string> &words, const LaunchPlan &plan) {
  if (!plan.as_root) {
    // The command keeps its own ids, and cannot make a further user namespace in which it would hold
    // capabilities.
    add(words, {"--unshare-user", "--disable-userns", "--uid", std::to_string(plan.uid), "--gid",
                std::to_string(plan.gid)});
  }
  add(words, {"--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try"});
  if (!plan.net) add(words, {"--unshare-net"});
  add(words, {"--hostname", "sandbox", "--die-with-parent", "--new-session", "--cap-drop", "ALL"});
}

// The directories above a place, but for the root. Made by name, because bubblewrap gives those that it
// makes on the way to somewhere else to their owner alone.
void add_parents(std::vector<std::string> &words, const std::string &path, std::vector<std::string> &made) {
  for (size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    std::string parent = path.substr(0, slash);
    if (std::find(made.begin(), made.end(), parent) != made.end()) continue;
    add(words, {"--dir", parent});
    made.push_back(std::move(parent));
  }
}

void add_system(std::vector<std::string> &words, const LaunchPlan &plan, std::vector<std::string> &made) {
  for (const SystemEntry &entry : plan.system) {
    const char *option = entry.kind == SystemEntry::Kind::symlink     ? "--symlink"
                         : entry.kind == SystemEntry::Kind::read_only ? "--ro-bind"
                                                                      : "--ro-bind-try";
    add_parents(words, entry.destination, made);
    add(words, {option, entry.source, entry.destination});
  }
}

}  // namespace

std::string_view user_name(uid_t uid) { return uid == 0 ? "root" : "user"; }

std::vector<std::string> bwrap_arguments(const LaunchPlan &plan, const LaunchFds &fds) {
  std::vector<std::string> words;
  add_namespaces(words, plan);
  add(words, {"--json-status-fd", std::to_string(fds.status)});

  std::vector<std::string> made;
  add_system(words, plan, made);
  add_parents(words, "/etc/passwd", made);
  add(words, {"--perms", "0444", "--ro-bind-data", std::to_string(fds.passwd), "/etc/passwd"});
  add(words, {"--perms", "0444", "--ro-bind-data", std::to_string(fds.group), "/etc/group"});
  add(words, {"--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--tmpfs", "/tmp"});
  add(words, {"--perms", "1777", "--tmpfs", "/dev/shm"});
  for (const std::string &path : plan.frozen) add(words, {"--ro-bind", path, path});
  for (const std::string &path : plan.masked) add(words, {"--ro-bind", "/dev/null", path});

  // The view last: nothing is laid over it, and it lies over what else would show its base.
  add_parents(words, plan.at, made);
  add(words, {"--bind", plan.view, plan.at});
  if (!plan.also_at.empty()) add(words, {"--bind", plan.view, plan.also_at});
  add(words, {"--remount-ro", "/", "--remount-ro", "/dev", "--chdir", plan.workdir, "--clearenv"});
  for (const auto &[name, value] : plan.environment) add(words, {"--setenv", name, value});
  return words;
}

std::vector<std::string> command_words(const LaunchPlan &plan) {
  std::vector<std::string> words;
  if (plan.command.front().find('=') == std::string::npos) {
    words = {"/usr/bin/env", "--"};
  } else {
    // env(1) would take such a name for an assignment; nice(1) has the same exit codes.
    words = {"/usr/bin/nice", "-n", "0", "--"};
  }
  words.insert(words.end(), plan.command.begin(), plan.command.end());
  return words;
}

std::string passwd_text(const LaunchPlan &plan) {
  std::string text = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n";
  if (plan.uid == 0) {
    text.replace(text.find("/root"), 5, kHome);
  } else if (plan.uid != 65534) {
    text +=
        "user:x:" + std::to_string(plan.uid) + ":" + std::to_string(plan.gid) + "::" + kHome + ":/bin/sh\n";
  }
  return text;
}

std::string group_text(const LaunchPlan &plan) {
  std::string text = "root:x:0:\nnogroup:x:65534:\n";
  if (plan.gid != 0 && plan.gid != 65534) text += "user:x:" + std::to_string(plan.gid) + ":\n";
  return text;
}

}  // namespace agentfense::launch
