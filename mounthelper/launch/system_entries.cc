#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <optional>

#include "mounthelper/launch/make_plan.h"

namespace agentfense::launch {
namespace {

// Programs and libraries, and the few files of /etc that they read to start, to find names and to check
// certificates. Private keys, accounts, and the host's own settings are not among them.
constexpr const char *kSystem[] = {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"};
constexpr const char *kSettings[] = {
    "/etc/ld.so.cache",   "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",  "/etc/alternatives",
    "/etc/localtime",     "/etc/hosts",
    "/etc/ssl/certs",     "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted",
    "/etc/nsswitch.conf",
};
constexpr const char *kNetSettings[] = {"/etc/resolv.conf"};

// The path below `top`, "" for `top` itself; none where it lies elsewhere.
std::optional<std::string> below(const std::string &path, const std::string &top) {
  if (top == "/") return path == "/" ? "" : path;
  if (!path.starts_with(top)) return std::nullopt;
  if (path.size() > top.size() && path[top.size()] != '/') return std::nullopt;
  return path.substr(top.size());
}

std::string real_path(const char *path) {
  char *resolved = realpath(path, nullptr);
  if (resolved == nullptr) return {};
  std::string text = resolved;
  std::free(resolved);
  return text;
}

std::string link_text(const char *path) {
  char text[PATH_MAX];
  ssize_t length = readlink(path, text, sizeof text);
  return length > 0 && length < static_cast<ssize_t>(sizeof text)
             ? std::string(text, static_cast<size_t>(length))
             : "";
}

class Collector {
 public:
  Collector(const std::string &base, const std::string &view, std::string &also_at)
      : base_(base), view_(view), also_at_(also_at) {}

  void add(const char *path, bool keep_link) {
    struct stat status {};
    if (lstat(path, &status) != 0) return;
    if (S_ISLNK(status.st_mode) && keep_link) {
      entries_.push_back({SystemEntry::Kind::symlink, link_text(path), path});
      return;
    }
    std::string real = real_path(path);
    if (real.empty()) return;
    if (auto inside = below(real, base_)) {
      // A part of the base: what the table says of it holds here too, and it may say that it is not there.
      entries_.push_back({SystemEntry::Kind::read_only_if_there, view_ + *inside, path});
      return;
    }
    if (auto held = below(base_, real)) also_at_ = path + *held;
    entries_.push_back({SystemEntry::Kind::read_only, real, path});
  }

  std::vector<SystemEntry> take() { return std::move(entries_); }

 private:
  const std::string &base_;
  const std::string &view_;
  std::string &also_at_;
  std::vector<SystemEntry> entries_;
};

}  // namespace

std::vector<SystemEntry> system_entries(const std::string &base, const std::string &view, bool net,
                                        std::string &also_at) {
  also_at.clear();
  Collector collector(base, view, also_at);
  for (const char *path : kSystem) collector.add(path, true);
  for (const char *path : kSettings) {
    // The local time keeps its link, whose text names the zone.
    bool keep_link = path == std::string_view("/etc/localtime") && link_text(path).starts_with("/usr/");
    collector.add(path, keep_link);
  }
  if (net) {
    for (const char *path : kNetSettings) collector.add(path, false);
  }
  return collector.take();
}

}  // namespace agentfense::launch
