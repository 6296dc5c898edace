#include "tests/delta/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <functional>

#include "tests/delta/content.h"
#include "tests/delta/script.h"
#include "tests/delta/side.h"

namespace agentfense::testing {
namespace {

std::string path_of(const std::string &directory, const std::string &name) {
  return directory == "." ? name : directory + "/" + name;
}

std::string content_of(const std::string &path) {
  const int fd = open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return error_name(errno);
  Hash hash;
  std::array<char, 65536> buffer;
  ssize_t count = 0;
  while ((count = read(fd, buffer.data(), buffer.size())) > 0) {
    hash.add({buffer.data(), static_cast<size_t>(count)});
  }
  const std::string text = count < 0 ? error_name(errno) : hash.text();
  close(fd);
  return text;
}

std::string attributes_of(const std::string &path) {
  std::array<char, 65536> names;
  const ssize_t length = llistxattr(path.c_str(), names.data(), names.size());
  if (length < 0) return " " + error_name(errno);
  std::map<std::string, std::string> sorted;
  for (const char *name = names.data(); name < names.data() + length; name += std::string(name).size() + 1) {
    std::string value(65536, '\0');
    const ssize_t size = lgetxattr(path.c_str(), name, value.data(), value.size());
    sorted[name] = size < 0 ? error_name(errno) : hash_text({value.data(), static_cast<size_t>(size)});
  }
  std::string text;
  for (const auto &[name, value] : sorted) text += " " + name + "=" + value;
  return text;
}

std::string time_text(const timespec &time) {
  return std::to_string(time.tv_sec) + "." + std::to_string(time.tv_nsec);
}

std::string line_of(const std::string &path, const struct stat &info, Detail detail) {
  std::string text = stat_text(info, detail != Detail::seen);
  if (S_ISREG(info.st_mode)) text += " content " + content_of(path);
  if (S_ISLNK(info.st_mode)) {
    std::array<char, PATH_MAX> target;
    const ssize_t length = readlink(path.c_str(), target.data(), target.size());
    text += " -> " + escape({target.data(), static_cast<size_t>(std::max<ssize_t>(length, 0))});
  }
  text += attributes_of(path);
  if (detail == Detail::all) {
    text += " number " + std::to_string(info.st_ino) + " mtime " + time_text(info.st_mtim) + " ctime " +
            time_text(info.st_ctim);
  }
  return text;
}

// Every path below the top and the top itself, a directory before what is in it.
void walk(const std::string &top, const std::string &path,
          const std::function<void(const std::string &, const std::string &)> &visit) {
  const std::string full = path == "." ? top : top + "/" + path;
  visit(path, full);
  DIR *const directory = opendir(full.c_str());
  if (directory == nullptr) return;
  std::vector<std::pair<std::string, unsigned char>> entries;
  while (const dirent *entry = readdir(directory)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") entries.emplace_back(name, entry->d_type);
  }
  closedir(directory);
  std::sort(entries.begin(), entries.end());
  for (const auto &[name, type] : entries) {
    if (type == DT_DIR) {
      walk(top, path_of(path, name), visit);
    } else {
      visit(path_of(path, name), full + "/" + name);
    }
  }
}

}  // namespace

Tree read_tree(const std::string &top, Detail detail) {
  Tree tree;
  walk(top, ".", [&](const std::string &path, const std::string &full) {
    struct stat info {};
    tree[path] = lstat(full.c_str(), &info) != 0 ? error_name(errno) : line_of(full, info, detail);
  });
  return tree;
}

std::string first_difference(const Tree &left, const Tree &right) {
  for (const auto &[path, line] : left) {
    const auto found = right.find(path);
    if (found == right.end()) return escape(path) + ": left " + line + ", right nothing";
    if (found->second != line) return escape(path) + ": left " + line + ", right " + found->second;
  }
  for (const auto &[path, line] : right) {
    if (!left.contains(path)) return escape(path) + ": left nothing, right " + line;
  }
  return {};
}

Identities read_identities(const std::string &top) {
  Identities result;
  walk(top, ".", [&](const std::string &path, const std::string &full) {
    struct statx info {};
    if (statx(AT_FDCWD, full.c_str(), AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_TYPE | STATX_BTIME, &info) != 0)
      return;
    const int64_t birth = (info.stx_mask & STATX_BTIME) != 0
                              ? info.stx_btime.tv_sec * 1'000'000'000 + info.stx_btime.tv_nsec
                              : 0;
    result[path] = {info.stx_ino, birth, S_ISREG(info.stx_mode) || S_ISDIR(info.stx_mode)};
  });
  return result;
}

}  // namespace agentfense::testing
