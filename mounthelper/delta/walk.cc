#include "mounthelper/delta/walk.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "mounthelper/delta/compare.h"
#include "mounthelper/delta/format.h"
#include "mounthelper/delta/quote_path.h"
#include "mounthelper/sys/beneath.h"
#include "mounthelper/sys/fd.h"
#include "mounthelper/sys/read_directory.h"

namespace agentfense::delta {
namespace {

using sys::Result;
using sys::Status;

constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr size_t kOpenLevels = 32;  // the deepest so many directories keep their handles

bool is_gone(int error) { return error == ENOENT || error == ENOTDIR || error == ELOOP || error == ESTALE; }

// One side of a directory: the upper layer's, or the base's.
struct Side {
  bool present = false;
  sys::Fd handle;
};

struct Level {
  size_t path_length = 0;  // of Walk::path_
  Side upper;
  Side base;
  bool complete = false;  // the base's names do not shine through
  std::vector<std::string> names;
  size_t next = 0;
};

class Walk {
 public:
  Walk(int upper, int base) : upper_root_(upper), base_root_(base) {}

  Result<std::vector<Found>> run() {
    Status status = begin();
    while (status.ok() && !levels_.empty()) status = step();
    if (!status.ok()) return status;
    return std::move(found_);
  }

 private:
  Status begin();
  Status step();
  Status visit(const std::string &name);
  Status visit_pair(const FileAt &base, const FileAt &upper);
  Status enter(const char *name, bool in_upper, bool in_base, bool complete);
  Status reopen(Side &side, int root) const;
  Result<std::optional<struct stat>> look(const Side &side, const char *name) const;
  Status failure(int error) const;

  const int upper_root_;
  const int base_root_;
  std::string path_;
  std::vector<Level> levels_;
  std::vector<Found> found_;
};

Status Walk::failure(int error) const {
  return Status::failure(error, "cannot compare " + (path_.empty() ? std::string(".") : quote_path(path_)) +
                                    " of the delta with the base: " + std::strerror(error) +
                                    "; run it as the user whose files they are, or as root");
}

// What shows at the name; a whiteout shows nothing.
Result<std::optional<struct stat>> Walk::look(const Side &side, const char *name) const {
  std::optional<struct stat> none;
  if (!side.present) return none;
  struct stat info {};
  if (fstatat(side.handle.get(), name, &info, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) {
    return is_gone(errno) ? Result(none) : failure(errno);
  }
  return is_whiteout(info) ? none : std::optional(info);
}

Status list_names(const Side &side, std::vector<std::string> &names) {
  if (!side.present) return {};
  return sys::read_directory(side.handle.get(),
                             [&](const sys::RawEntry &entry) { names.emplace_back(entry.name); });
}

Status Walk::begin() {
  Level root;
  for (auto [side, handle] : {std::pair(&root.upper, upper_root_), std::pair(&root.base, base_root_)}) {
    side->present = true;
    side->handle.reset(openat(handle, ".", kDirectory));
    if (!side->handle) return failure(errno);
  }
  struct stat upper {};
  struct stat base {};
  if (fstat(root.upper.handle.get(), &upper) != 0 || fstat(root.base.handle.get(), &base) != 0) {
    return failure(errno);
  }
  if (Status listed = list_names(root.upper, root.names); !listed.ok()) return failure(listed.error());
  std::sort(root.names.begin(), root.names.end());
  Status status = visit_pair({root.base.handle.get(), ".", &base}, {root.upper.handle.get(), ".", &upper});
  levels_.push_back(std::move(root));
  return status;
}

Status Walk::reopen(Side &side, int root) const {
  if (!side.present || side.handle) return {};
  Result<sys::Fd> handle = sys::open_dir_beneath(root, path_);
  if (!handle.ok()) return handle.status();
  side.handle = std::move(*handle);
  return {};
}

Status Walk::step() {
  Level &level = levels_.back();
  path_.resize(level.path_length);
  if (level.next == level.names.size()) {
    levels_.pop_back();
    return {};
  }
  Status opened = reopen(level.upper, upper_root_);
  if (opened.ok()) opened = reopen(level.base, base_root_);
  if (!opened.ok()) {
    if (!is_gone(opened.error())) return failure(opened.error());
    levels_.pop_back();
    return {};
  }
  std::string name = std::move(level.names[level.next++]);
  if (!path_.empty()) path_ += '/';
  path_ += name;
  return visit(name);
}

Status Walk::visit(const std::string &name) {
  const Level &level = levels_.back();
  Result<std::optional<struct stat>> upper = look(level.upper, name.c_str());
  if (!upper.ok()) return upper.status();
  Result<std::optional<struct stat>> base = look(level.base, name.c_str());
  if (!base.ok()) return base.status();
  bool in_upper = upper->has_value();
  bool in_base = base->has_value();
  if (!in_upper && !in_base) return {};

  bool upper_directory = in_upper && S_ISDIR((*upper)->st_mode);
  bool base_directory = in_base && S_ISDIR((*base)->st_mode);
  if (in_upper && in_base && ((*upper)->st_mode & S_IFMT) == ((*base)->st_mode & S_IFMT)) {
    Status status = visit_pair({level.base.handle.get(), name.c_str(), &**base},
                               {level.upper.handle.get(), name.c_str(), &**upper});
    if (!status.ok() || !upper_directory) return status;
    bool complete = level.complete;
    if (!complete) {
      Result<bool> opaque = is_opaque(level.upper.handle.get(), name.c_str());
      if (!opaque.ok() && !is_gone(opaque.error())) return failure(opaque.error());
      complete = opaque.ok() && *opaque;
    }
    return enter(name.c_str(), true, true, complete);
  }
  Found found;
  found.change.kind = in_upper ? ChangeKind::added : ChangeKind::deleted;
  found.change.path = path_;
  found.change.before = *base;
  found.change.after = *upper;
  if (in_upper && !in_base) found.origin = origin_of(level.upper.handle.get(), name.c_str());
  found_.push_back(std::move(found));
  if (!upper_directory && !base_directory) return {};
  return enter(name.c_str(), upper_directory, base_directory, true);
}

// Both show something of one type at path_.
Status Walk::visit_pair(const FileAt &base, const FileAt &upper) {
  Result<bool> same = same_content(base, upper);
  if (!same.ok()) return is_gone(same.error()) ? Status() : failure(same.error());
  Change change;
  change.content_differs = !*same;
  change.attributes_differ = !same_attributes(base, upper);
  if (!change.content_differs && !change.attributes_differ) return {};
  change.kind = change.content_differs ? ChangeKind::changed : ChangeKind::metadata;
  change.path = path_;
  change.before = *base.info;
  change.after = *upper.info;
  found_.push_back({std::move(change), 0});
  return {};
}

Status Walk::enter(const char *name, bool in_upper, bool in_base, bool complete) {
  Level level;
  level.path_length = path_.size();
  level.complete = complete;
  level.upper.present = in_upper;
  level.base.present = in_base;
  const Level &parent = levels_.back();
  for (auto [side, above] : {std::pair(&level.upper, &parent.upper), std::pair(&level.base, &parent.base)}) {
    if (!side->present) continue;
    side->handle.reset(openat(above->handle.get(), name, kDirectory));
    if (!side->handle) return is_gone(errno) ? Status() : failure(errno);
  }
  Status listed = list_names(level.upper, level.names);
  if (listed.ok() && complete) listed = list_names(level.base, level.names);
  if (!listed.ok()) return is_gone(listed.error()) ? Status() : failure(listed.error());
  std::sort(level.names.begin(), level.names.end());
  level.names.erase(std::unique(level.names.begin(), level.names.end()), level.names.end());
  levels_.push_back(std::move(level));
  if (levels_.size() > kOpenLevels) {
    Level &far = levels_[levels_.size() - 1 - kOpenLevels];
    far.upper.handle.reset();
    far.base.handle.reset();
  }
  return {};
}

}  // namespace

Result<std::vector<Found>> walk_layers(int upper, int base) { return Walk(upper, base).run(); }

}  // namespace agentfense::delta
