#include "tests/delta/snapshot_trees.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <set>
#include <vector>

namespace agentfense::delta_test {
namespace {

namespace fs = std::filesystem;

struct Place {
  std::string real;
  bool in_upper = false;
};
using Places = std::map<std::string, Place>;

struct stat look(const std::string &path) {
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) info.st_mode = 0;
  return info;
}

bool exists(const std::string &path) { return look(path).st_mode != 0; }
bool is_dir(const std::string &path) { return S_ISDIR(look(path).st_mode); }
bool is_whiteout(const std::string &path) {
  struct stat info = look(path);
  return S_ISCHR(info.st_mode) && info.st_rdev == makedev(0, 0);
}
bool is_opaque(const std::string &path) {
  char value = 0;
  return lgetxattr(path.c_str(), "user.overlay.opaque", &value, 1) == 1 && value == 'y';
}

std::set<std::string> names_in(const std::string &path) {
  std::set<std::string> names;
  for (const auto &entry : fs::directory_iterator(path)) names.insert(entry.path().filename().string());
  return names;
}

void merge(const std::string &upper, const std::string &base, const std::string &path, Places &places) {
  std::set<std::string> names;
  bool upper_dir = !upper.empty() && is_dir(upper);
  bool base_dir = !base.empty() && is_dir(base);
  if (upper_dir) names.merge(names_in(upper));
  if (base_dir) names.merge(names_in(base));
  for (const std::string &name : names) {
    std::string above = upper_dir ? upper + "/" + name : "";
    std::string below = base_dir ? base + "/" + name : "";
    std::string here = path.empty() ? name : path + "/" + name;
    bool in_upper = !above.empty() && exists(above);
    if (in_upper && is_whiteout(above)) continue;
    const std::string &real = in_upper ? above : below;
    places[here] = {real, in_upper};
    if (!is_dir(real)) continue;
    bool both = in_upper && !is_opaque(above) && !below.empty() && is_dir(below);
    merge(in_upper ? above : "", !in_upper || both ? below : "", here, places);
  }
}

std::string attributes(const Place &place) {
  std::vector<char> names(64 * 1024);
  ssize_t length = llistxattr(place.real.c_str(), names.data(), names.size());
  std::map<std::string, std::string> sorted;
  for (ssize_t at = 0; at < length;) {
    std::string name(names.data() + at);
    at += static_cast<ssize_t>(name.size()) + 1;
    std::string shown = name;
    if (place.in_upper && name.starts_with("user.overlay.")) {
      if (!name.starts_with("user.overlay.overlay.")) continue;
      shown = "user.overlay." + name.substr(21);
    }
    std::vector<char> value(64 * 1024);
    ssize_t got = lgetxattr(place.real.c_str(), name.c_str(), value.data(), value.size());
    if (shown.starts_with("user.")) sorted[shown] = std::string(value.data(), static_cast<size_t>(got));
  }
  std::string text;
  for (const auto &[name, value] : sorted) text += " " + name + "=" + value;
  return text;
}

std::string describe(const Place &place, Detail detail, const std::string &first_name) {
  struct stat info = look(place.real);
  char text[160];
  snprintf(text, sizeof text, "%o %u:%u", info.st_mode, info.st_uid, info.st_gid);
  std::string result = text;
  if (!S_ISDIR(info.st_mode) || detail == Detail::all) {
    snprintf(text, sizeof text, " %lld.%09ld", static_cast<long long>(info.st_mtim.tv_sec),
             info.st_mtim.tv_nsec);
    result += text;
  }
  if (S_ISREG(info.st_mode)) {
    std::ifstream file(place.real, std::ios::binary);
    result += " [" + std::string(std::istreambuf_iterator<char>(file), {}) + "]";
  }
  if (S_ISLNK(info.st_mode)) result += " -> " + fs::read_symlink(place.real).string();
  if (detail == Detail::all && !first_name.empty()) result += " =" + first_name;
  return result + attributes(place);
}

Snapshot describe_all(const Places &places, Detail detail) {
  std::map<std::pair<dev_t, ino_t>, std::string> first;
  std::map<std::pair<dev_t, ino_t>, int> count;
  for (const auto &[path, place] : places) {
    struct stat info = look(place.real);
    first.try_emplace({info.st_dev, info.st_ino}, path);
    if (!S_ISDIR(info.st_mode)) ++count[{info.st_dev, info.st_ino}];
  }
  Snapshot result;
  for (const auto &[path, place] : places) {
    if (detail == Detail::settling && path.find(".agentfense-apply-") != std::string::npos) continue;
    struct stat info = look(place.real);
    bool several = count[{info.st_dev, info.st_ino}] > 1;
    result[path] = describe(place, detail, several ? first[{info.st_dev, info.st_ino}] : "");
  }
  return result;
}

}  // namespace

Snapshot snapshot(const std::string &root, Detail detail) {
  Places places = {{".", {root, false}}};
  merge("", root, "", places);
  return describe_all(places, detail);
}

Snapshot merged_snapshot(const std::string &upper, const std::string &base, Detail detail) {
  Places places = {{".", {upper, true}}};
  merge(upper, base, "", places);
  return describe_all(places, detail);
}

std::string differences(const Snapshot &expected, const Snapshot &found) {
  std::string text;
  for (const auto &[path, what] : expected) {
    auto at = found.find(path);
    if (at == found.end()) {
      text += "missing: " + path + "\n";
    } else if (at->second != what) {
      text += path + ": " + what + " became " + at->second + "\n";
    }
  }
  for (const auto &[path, what] : found) {
    if (expected.count(path) == 0) text += "extra: " + path + "\n";
  }
  return text;
}

void settle_times(const std::string &root, unsigned seed) {
  std::vector<std::string> paths = {root};
  for (const auto &entry : fs::recursive_directory_iterator(root)) paths.push_back(entry.path().string());
  for (const std::string &path : paths) {
    auto number = static_cast<long>(std::hash<std::string>()(path.substr(root.size())) % 1000000);
    timespec time{1000000000 + number + static_cast<long>(seed) * 10000000, number * 7};
    timespec times[2] = {time, time};
    utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW);
  }
}

}  // namespace agentfense::delta_test
