#include "mounthelper/delta/uncover.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <unistd.h>

#include <cstring>
#include <optional>
#include <vector>

#include "mounthelper/delta/compare.h"
#include "mounthelper/delta/copy.h"
#include "mounthelper/delta/format.h"
#include "mounthelper/delta/origins.h"
#include "mounthelper/delta/paths.h"
#include "mounthelper/delta/quote_path.h"
#include "mounthelper/sys/beneath.h"
#include "mounthelper/sys/read_directory.h"
#include "mounthelper/sys/remove_tree.h"

namespace agentfense::delta {
namespace {

using sys::Result;
using sys::Status;

constexpr int kRead = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr const char *kNewDirectory = "#uncover";  // in the work directory

bool is_gone(int error) { return error == ENOENT || error == ENOTDIR || error == ELOOP; }

std::optional<struct stat> look(int directory, const std::string &name) {
  struct stat info {};
  bool found = directory >= 0 && fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0;
  return found ? std::optional(info) : std::nullopt;
}

// What stays of a directory is the base's but for its content.
Status stay_as(int base, int upper) {
  struct stat info {};
  sys::Fd from(openat(base, ".", kRead));
  sys::Fd to(openat(upper, ".", kRead));
  if (!from || !to || fstat(from.get(), &info) != 0) return sys::errno_status();
  if (Status status = copy_attributes(from.get(), to.get(), escape_attribute); !status.ok()) return status;
  return copy_ownership(info, to.get());
}

struct Visited {
  std::string path;
  struct stat before;  // of the upper's, before anything was taken from it
};

class Uncovering {
 public:
  explicit Uncovering(const UncoverRequest &request) : request_(request) {}

  Result<std::set<std::string>> run() {
    (void)sys::remove_tree(request_.store->work.get(), kNewDirectory);
    for (visited_.push_back({}); next_ < visited_.size(); ++next_) {
      Status status = enter(next_);
      if (!status.ok() && !is_gone(status.error())) return failure(visited_[next_].path, status.error());
    }
    for (size_t i = visited_.size(); i-- > 0;) {
      Status status = leave(i);
      if (!status.ok() && !is_gone(status.error())) return failure(visited_[i].path, status.error());
    }
    return std::move(remaining_);
  }

 private:
  static Status failure(const std::string &path, int error) {
    return Status::failure(error,
                           "cannot take " + (path.empty() ? std::string(".") : quote_path(path)) +
                               " out of the delta: " + std::strerror(error) +
                               "; mend that and run the command again, which goes on where it stopped");
  }

  void pause() const {
    if (request_.pause) request_.pause();
  }
  [[nodiscard]] bool chosen(const std::string &path) const { return request_.paths.count(path) != 0; }
  [[nodiscard]] std::set<std::string>::const_iterator first_below(const std::string &path) const {
    return request_.paths.lower_bound(path.empty() ? "" : path + "/");
  }
  [[nodiscard]] bool any_below(const std::string &path) const {
    auto at = first_below(path);
    return at != request_.paths.end() && (path.empty() || at->starts_with(path + "/"));
  }

  [[nodiscard]] bool is_settled(const std::string &path) const {
    return request_.settled && request_.settled->count(path) != 0;
  }
  [[nodiscard]] Status settle_times(const Visited &visited, int base, int upper) const {
    struct stat info {};
    bool of_base = is_settled(visited.path) && base >= 0 && fstat(base, &info) == 0;
    return copy_times(of_base ? info : visited.before, upper);
  }
  Status enter(size_t index);
  Status leave(size_t index);
  Status visit(size_t index, int upper, int base, const std::string &name);
  Status open_up(int upper, const std::string &name, int base);
  Status cover_names(int upper, int base);
  Status replace_whiteout(int upper, int base, const std::string &name);
  [[nodiscard]] bool shows_below(const std::string &path) const;

  const UncoverRequest &request_;
  std::vector<Visited> visited_;
  size_t next_ = 0;
  std::set<std::string> remaining_;
};

// Makes a directory that shows the upper's alone one of both, without a change of what shows.
Status Uncovering::open_up(int upper, const std::string &name, int base) {
  Result<bool> opaque = is_opaque(upper, name.c_str());
  if (!opaque.ok() || !*opaque) return opaque.status();
  sys::Fd above(openat(upper, name.c_str(), kRead));
  sys::Fd below(openat(base, name.c_str(), kRead));
  if (!above || !below) return sys::errno_status();
  struct stat before {};
  if (fstat(above.get(), &before) != 0) return sys::errno_status();
  if (Status status = cover_names(above.get(), below.get()); !status.ok()) return status;
  pause();
  if (Status status = clear_opaque(upper, name.c_str()); !status.ok()) return status;
  return copy_times(before, above.get());
}

Status Uncovering::cover_names(int upper, int base) {
  Result<std::vector<std::string>> names = sys::names_in(base);
  if (!names.ok()) return names.status();
  for (const std::string &name : *names) {
    std::optional<struct stat> above = look(upper, name);
    std::optional<struct stat> below = look(base, name);
    if (!below) continue;
    Status status;
    if (!above) {
      pause();
      status = make_whiteout(upper, name.c_str());
    } else if (is_directory(above) && is_directory(below)) {
      status = set_opaque(upper, name.c_str());
    }
    if (!status.ok()) return status;
  }
  return {};
}

// By the base's directory, with a whiteout for each of its names.
Status Uncovering::replace_whiteout(int upper, int base, const std::string &name) {
  int work = request_.store->work.get();
  sys::Fd from(openat(base, name.c_str(), kRead));
  struct stat info {};
  if (!from || fstat(from.get(), &info) != 0) return sys::errno_status();
  if (mkdirat(work, kNewDirectory, 0700) != 0) return sys::errno_status();
  sys::Fd to(openat(work, kNewDirectory, kRead));
  if (!to) return sys::errno_status();
  Status status = cover_names(to.get(), from.get());
  if (status.ok()) status = copy_attributes(from.get(), to.get(), escape_attribute);
  if (status.ok()) status = copy_ownership(info, to.get());
  if (status.ok()) status = copy_times(info, to.get());
  if (!status.ok()) return status;
  pause();
  if (renameat2(work, kNewDirectory, upper, name.c_str(), RENAME_EXCHANGE) != 0) return sys::errno_status();
  pause();
  return unlinkat(work, kNewDirectory, 0) == 0 ? Status() : sys::errno_status();
}

// Whether the base has one of the paths below this one.
bool Uncovering::shows_below(const std::string &path) const {
  std::string prefix = path + "/";
  for (auto at = first_below(path); at != request_.paths.end() && at->starts_with(prefix); ++at) {
    Result<sys::Fd> directory = sys::open_dir_beneath(request_.base, parent_of(*at));
    if (directory.ok() && look(directory->get(), name_of(*at))) return true;
  }
  return false;
}

Status Uncovering::enter(size_t index) {
  std::string path = visited_[index].path;
  Result<sys::Fd> upper = sys::open_dir_beneath(request_.store->upper.get(), path);
  if (!upper.ok()) return upper.status();
  Result<sys::Fd> base = sys::open_dir_beneath(request_.base, path);
  if (fstat(upper->get(), &visited_[index].before) != 0) return sys::errno_status();
  Result<std::vector<std::string>> names = sys::names_in(upper->get());
  if (!names.ok()) return names.status();
  for (const std::string &name : *names) {
    Status status = visit(index, upper->get(), base.ok() ? base->get() : -1, name);
    if (!status.ok() && !is_gone(status.error())) return status;
  }
  return {};
}

Status Uncovering::visit(size_t index, int upper, int base, const std::string &name) {
  std::string path = visited_[index].path.empty() ? name : visited_[index].path + "/" + name;
  bool whole = chosen(path);
  bool parts = any_below(path);
  std::optional<struct stat> above = look(upper, name);
  if (!above || (!whole && !parts)) return {};
  bool base_directory = is_directory(look(base, name));
  if (!S_ISDIR(above->st_mode) && whole) {
    pause();
    return unlinkat(upper, name.c_str(), 0) == 0 ? Status() : sys::errno_status();
  }
  if (is_whiteout(*above)) {
    if (!base_directory || !shows_below(path)) return {};
    if (Status status = replace_whiteout(upper, base, name); !status.ok()) return status;
    above = look(upper, name);
  }
  if (!is_directory(above)) return {};
  if (base_directory) {
    if (Status status = open_up(upper, name, base); !status.ok()) return status;
  }
  visited_.push_back({path, {}});
  return {};
}

Status Uncovering::leave(size_t index) {
  const Visited &visited = visited_[index];
  Result<sys::Fd> here = sys::open_dir_beneath(request_.store->upper.get(), visited.path);
  if (!here.ok()) return here.status();
  bool whole = chosen(visited.path);
  if (visited.path.empty()) {
    Status status = whole ? stay_as(request_.base, here->get()) : Status();
    if (whole) remaining_.insert("");
    return status.ok() ? settle_times(visited, request_.base, here->get()) : status;
  }
  std::string_view parent = parent_of(visited.path);
  std::string name = name_of(visited.path);
  Result<sys::Fd> upper = sys::open_dir_beneath(request_.store->upper.get(), parent);
  if (!upper.ok()) return upper.status();
  Result<sys::Fd> base = sys::open_dir_beneath(request_.base, parent);
  std::optional<struct stat> below = base.ok() ? look(base->get(), name) : std::nullopt;
  std::optional<struct stat> above = look(upper->get(), name);
  bool same = is_directory(below) && is_directory(above) &&
              same_attributes({base->get(), name.c_str(), &*below}, {upper->get(), name.c_str(), &*above});
  bool same_time = same && below->st_mtim.tv_sec == visited.before.st_mtim.tv_sec &&
                   below->st_mtim.tv_nsec == visited.before.st_mtim.tv_nsec;
  if (whole || (same && (!request_.settled || is_settled(visited.path) || same_time))) {
    pause();
    if (unlinkat(upper->get(), name.c_str(), AT_REMOVEDIR) == 0) return {};
    if (errno != ENOTEMPTY && errno != EEXIST) return sys::errno_status();
  }
  sys::Fd as(is_directory(below) ? openat(base->get(), name.c_str(), kRead) : -1);
  if (whole) {
    remaining_.insert(visited.path);
    Status status = as ? stay_as(as.get(), here->get()) : Status();
    if (!status.ok()) return status;
  }
  return settle_times(visited, as.get(), here->get());
}

}  // namespace

Result<std::set<std::string>> uncover(const UncoverRequest &request) { return Uncovering(request).run(); }

}  // namespace agentfense::delta
