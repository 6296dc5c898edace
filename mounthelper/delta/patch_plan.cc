#include "mounthelper/delta/patch_plan.h"

#include "mounthelper/delta/paths.h"

#include <strings.h>

#include <array>
#include <string_view>
#include <unordered_set>

namespace agentfense::delta {
namespace {

enum Reason { kDirectories, kSpecial, kAttributes, kGit, kLarge, kReasons };

constexpr std::array<const char *, kReasons> kWords = {
    "empty directories and the attributes of directories", "files that are neither regular nor symlinks",
    "owners, extended attributes and modes other than the owner's x",
    "what lies in .git, which git takes from no patch", "files larger than 1 GiB"};

bool is_sayable(const std::optional<struct stat> &info) {
  return info && (S_ISREG(info->st_mode) || S_ISLNK(info->st_mode));
}

bool is_large(const std::optional<struct stat> &info) {
  return info && S_ISREG(info->st_mode) && info->st_size > kMostFileBytes;
}

bool is_below_git(std::string_view path) {
  while (!path.empty()) {
    std::string_view name = path.substr(0, path.find('/'));
    if (name.size() == 4 && strncasecmp(name.data(), ".git", 4) == 0) return true;
    path.remove_prefix(name.size() == path.size() ? name.size() : name.size() + 1);
  }
  return false;
}

// Every directory above one of the paths that were added.
class Ancestors {
 public:
  void add_above(std::string_view path) {
    while (!(path = parent_of(path)).empty()) {
      if (!all_.emplace(path).second) return;
    }
  }
  [[nodiscard]] bool has(const std::string &path) const { return all_.count(path) != 0; }

 private:
  std::unordered_set<std::string> all_;
};

class Planner {
 public:
  explicit Planner(std::span<const Change> changes) : changes_(changes) {}

  PatchPlan run() {
    std::vector<const Change *> directories;
    for (const Change &change : changes_) {
      if (is_below_git(change.path) || is_below_git(change.from)) {
        leave_out(kGit, change.path);
        continue;
      }
      take_files(change);
      if (is_directory(change.before) || is_directory(change.after)) directories.push_back(&change);
    }
    note_ancestors();
    for (const Change *change : directories) take_directory(*change);
    PatchPlan plan;
    plan.files = std::move(files_);
    for (size_t i = 0; i < kReasons; ++i) {
      if (!left_out_[i].empty()) plan.left_out.push_back({kWords[i], std::move(left_out_[i])});
    }
    return plan;
  }

 private:
  void leave_out(Reason reason, const std::string &path) {
    left_out_[reason].push_back(path.empty() ? "." : path);
  }

  void take_files(const Change &change) {
    bool special = (change.before && !is_sayable(change.before) && !is_directory(change.before)) ||
                   (change.after && !is_sayable(change.after) && !is_directory(change.after));
    if (special) leave_out(kSpecial, change.path);
    // Another type than before is a deletion and a creation to git.
    bool one_file = change.kind != ChangeKind::added && is_sayable(change.before) && is_sayable(change.after);
    if (one_file) {
      take_both(change);
      return;
    }
    if (is_large(change.before) || is_large(change.after)) {
      leave_out(kLarge, change.path);
      return;
    }
    if (is_sayable(change.before)) {
      files_.push_back({change.path, change.path, change.before, std::nullopt, true});
    }
    if (is_sayable(change.after)) {
      files_.push_back({change.path, change.path, std::nullopt, change.after, true});
    }
  }

  void take_both(const Change &change) {
    const struct stat &before = *change.before;
    const struct stat &after = *change.after;
    bool mode = git_mode(before) != git_mode(after);
    bool owner = before.st_uid != after.st_uid || before.st_gid != after.st_gid;
    if (change.attributes_differ && (!mode || owner)) leave_out(kAttributes, change.path);
    bool moved = change.kind == ChangeKind::renamed;
    if (!mode && !moved && !change.content_differs) return;
    if (change.content_differs && (is_large(before) || is_large(after))) {
      leave_out(kLarge, change.path);
      return;
    }
    files_.push_back({moved ? change.from : change.path, change.path, before, after, change.content_differs});
  }

  void note_ancestors() {
    for (const PatchFile &file : files_) {
      bool moved = file.old_path != file.new_path;
      if (file.after && (moved || !file.before)) created_.add_above(file.new_path);
      if (file.before && (moved || !file.after)) removed_.add_above(file.old_path);
    }
  }

  // A directory comes and goes with the files in it.
  void take_directory(const Change &change) {
    bool was = is_directory(change.before);
    bool is = is_directory(change.after);
    bool moved = change.kind == ChangeKind::renamed;
    bool said = (!is || (was && !moved) || created_.has(change.path)) &&
                (!was || (is && !moved) || removed_.has(moved ? change.from : change.path));
    if (!said || change.attributes_differ) leave_out(kDirectories, change.path);
  }

  std::span<const Change> changes_;
  std::vector<PatchFile> files_;
  Ancestors created_;
  Ancestors removed_;
  std::array<std::vector<std::string>, kReasons> left_out_;
};

}  // namespace

PatchPlan plan_patch(std::span<const Change> changes) { return Planner(changes).run(); }

mode_t git_mode(const struct stat &info) {
  if (S_ISLNK(info.st_mode)) return S_IFLNK;
  return S_IFREG | ((info.st_mode & S_IXUSR) != 0 ? 0755 : 0644);
}

}  // namespace agentfense::delta
