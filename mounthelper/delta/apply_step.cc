#include "mounthelper/delta/apply_step.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <unistd.h>

#include <cstring>

#include "mounthelper/delta/copy.h"
#include "mounthelper/delta/format.h"
#include "mounthelper/delta/paths.h"
#include "mounthelper/delta/quote_path.h"
#include "mounthelper/delta/replicate.h"
#include "mounthelper/sys/beneath.h"

namespace agentfense::delta {
namespace {

using sys::Result;
using sys::Status;

constexpr int kRead = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

StepResult skip(const char *why) { return {false, why}; }
StepResult base_differs() { return skip("the base was changed there while it was applied"); }
StepResult delta_differs() { return skip("the delta was changed there after it was planned"); }

bool is_elsewhere(int error) {
  return error == ENOENT || error == ENOTDIR || error == ELOOP || error == EEXIST || error == ENOTEMPTY ||
         error == ESTALE || error == EISDIR;
}

bool is_denied(int error) { return error == EACCES || error == EPERM; }

// What a name is, in one of the trees.
struct Place {
  sys::Fd directory;
  std::string name;
  std::optional<struct stat> info;

  [[nodiscard]] FileAt file() const { return {directory.get(), name.c_str(), &*info}; }
  [[nodiscard]] Status look() {
    struct stat now {};
    info.reset();
    if (fstatat(directory.get(), name.c_str(), &now, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) == 0) info = now;
    return info || errno == ENOENT ? Status() : sys::errno_status();
  }
};

Result<Place> find(int root, const std::string &path) {
  Result<sys::Fd> directory = sys::open_dir_beneath(root, parent_of(path));
  if (!directory.ok()) return directory.status();
  Place place;
  place.directory = std::move(*directory);
  place.name = name_at_parent(path);
  if (Status status = place.look(); !status.ok()) return status;
  return place;
}

bool is(const std::optional<FileMark> &mark, const std::optional<struct stat> &now) {
  return mark && now && is_still(*mark, *now);
}

// Whether the delta covers the path with nothing: a whiteout, or no name in a directory that shows the upper's alone.
Result<bool> shows_nothing(int upper, std::string_view path) {
  sys::Fd here;
  bool alone = false;
  for (size_t begin = 0; begin < path.size();) {
    size_t end = std::min(path.find('/', begin), path.size());
    std::string name(path.substr(begin, end - begin));
    begin = end + 1;
    int at = here ? here.get() : upper;
    struct stat info {};
    if (fstatat(at, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      return errno == ENOENT ? Result<bool>(alone) : sys::errno_status();
    }
    if (is_whiteout(info)) return true;
    if (!S_ISDIR(info.st_mode)) return end != path.size();
    Result<bool> opaque = is_opaque(at, name.c_str());
    if (!opaque.ok()) return opaque;
    alone = alone || *opaque;
    sys::Fd next(openat(at, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next) return sys::errno_status();
    here = std::move(next);
  }
  return false;
}

}  // namespace

bool StepRunner::is_before(const Step &step, const std::optional<struct stat> &now) const {
  if (!is(step.before, now)) return false;
  return resumed_ || moved_ctimes_.count(now->st_ino) != 0 || is_untouched(*step.before, *now);
}

// What a file is put over; a directory may have gone already.
bool StepRunner::is_as_planned(const Step &step, const std::optional<struct stat> &base) const {
  return base ? is_before(step, base) : !step.before || S_ISDIR(step.before->mode);
}

void StepRunner::remove_temporaries() const {
  for (size_t index = 0; index < journal_.steps.size(); ++index) {
    const Step &step = journal_.steps[index];
    if (step.kind != StepKind::put && step.kind != StepKind::link) continue;
    Result<sys::Fd> directory = sys::open_dir_beneath(base_, parent_of(step.path));
    if (directory.ok()) (void)unlinkat(directory->get(), temporary_name(journal_, index).c_str(), 0);
  }
}

Result<StepResult> StepRunner::run(size_t index) {
  const Step &step = journal_.steps[index];
  pause();
  Result<StepResult> result = dispatch(index);
  if (!result.ok()) {
    if (!is_elsewhere(result.error()) && !is_denied(result.error())) {
      return Status::failure(result.error(),
                             "cannot apply " + quote_path(step.path) + ": " + std::strerror(result.error()) +
                                 "; the base is in between: mend that and run delta apply again, which "
                                 "goes on where it stopped");
    }
    result = is_denied(result.error()) ? skip("permission is denied") : base_differs();
  }
  if (!result->done) skipped_.insert(step.path);
  if (step.before) moved_ctimes_.insert(step.before->ino);
  return result;
}

Result<StepResult> StepRunner::dispatch(size_t index) {
  const Step &step = journal_.steps[index];
  switch (step.kind) {
    case StepKind::make_directory:
      return make_directory(step);
    case StepKind::put:
      return put(index);
    case StepKind::link:
      return link(index);
    case StepKind::set_attributes:
      return set_attributes(step);
    case StepKind::remove:
      return remove(step);
    case StepKind::directory_attributes:
      return directory_attributes(step, /*times_alone=*/false);
    case StepKind::directory_times:
      return directory_attributes(step, /*times_alone=*/true);
  }
  return Status::failure(EINVAL);
}

Result<StepResult> StepRunner::make_directory(const Step &step) {
  Result<Place> upper = find(upper_, step.path);
  if (!upper.ok() || !is(step.after, upper->info)) return delta_differs();
  Result<Place> base = find(base_, step.path);
  if (!base.ok()) return base.status();
  if (is_directory(base->info)) return StepResult();
  if (base->info) {
    if (!is_before(step, base->info)) return base_differs();
    if (unlinkat(base->directory.get(), base->name.c_str(), 0) != 0) return sys::errno_status();
    pause();
  }
  if (mkdirat(base->directory.get(), base->name.c_str(), 0700) != 0) return sys::errno_status();
  return StepResult();
}

// Renames the finished temporary over the name, which is what it was when the step began. upper: what it is a replica
// of; null for a link.
Result<StepResult> StepRunner::move_in(const Step &step, int directory, const char *temporary,
                                       const FileAt *upper) {
  Result<Place> base = find(base_, step.path);
  if (!base.ok()) return base.status();
  struct stat held {
  }, named{};
  if (fstat(directory, &held) != 0 || fstat(base->directory.get(), &named) != 0) return sys::errno_status();
  if (held.st_ino != named.st_ino || held.st_dev != named.st_dev) return base_differs();
  if (base->info && !is_before(step, base->info)) return base_differs();
  const char *name = base->name.c_str();
  if (is_directory(base->info)) {
    if (unlinkat(directory, name, AT_REMOVEDIR) != 0) return sys::errno_status();
    base->info.reset();
    pause();
  }
  if (upper != nullptr) {
    if (Status status = open_replica(*upper, directory, temporary); !status.ok()) return status;
  }
  int moved = -1;
  if (!base->info) {
    moved = renameat2(directory, temporary, directory, name, RENAME_NOREPLACE);
    if (moved != 0 && errno != EINVAL && errno != ENOSYS) return sys::errno_status();
  }
  if (moved != 0 && renameat(directory, temporary, directory, name) != 0) return sys::errno_status();
  pause();
  return StepResult();
}

void StepRunner::prepare(size_t index) {
  const Step &step = journal_.steps[index];
  Result<Place> upper = find(upper_, step.path);
  Result<Place> base = find(base_, step.path);
  if (!upper.ok() || !base.ok() || !is(step.after, upper->info) || !is_as_planned(step, base->info)) return;
  std::string temporary = temporary_name(journal_, index);
  int directory = base->directory.get();
  Status status =
      replicate(upper->file(), directory, temporary.c_str(), /*synced=*/false, [this] { pause(); });
  if (status.ok()) {
    prepared_.emplace(index, std::move(base->directory));
  } else {
    (void)unlinkat(directory, temporary.c_str(), 0);
  }
}

// What prepare() made goes where it cannot be used: from the directory that it was made in, wherever that is by now.
Result<StepResult> StepRunner::put_prepared(size_t index) {
  const Step &step = journal_.steps[index];
  sys::Fd directory = std::move(prepared_.extract(index).mapped());
  std::string temporary = temporary_name(journal_, index);
  Result<Place> upper = find(upper_, step.path);
  if (!upper.ok() || !is(step.after, upper->info)) {
    (void)unlinkat(directory.get(), temporary.c_str(), 0);
    return delta_differs();
  }
  FileAt replicated = upper->file();
  Result<StepResult> moved = move_in(step, directory.get(), temporary.c_str(), &replicated);
  if (!moved.ok() || !moved->done) (void)unlinkat(directory.get(), temporary.c_str(), 0);
  return moved;
}

Result<StepResult> StepRunner::put(size_t index) {
  if (prepared_.count(index) != 0) return put_prepared(index);
  const Step &step = journal_.steps[index];
  Result<Place> upper = find(upper_, step.path);
  if (!upper.ok() || !is(step.after, upper->info)) return delta_differs();
  Result<Place> base = find(base_, step.path);
  if (!base.ok()) return base.status();
  if (!is_as_planned(step, base->info)) {
    Result<bool> finished = resumed_ && base->info ? is_replica(base->file(), upper->file()) : Result(false);
    if (!finished.ok()) return finished.status();
    return *finished ? StepResult() : base_differs();
  }
  std::string temporary = temporary_name(journal_, index);
  int directory = base->directory.get();
  FileAt replicated = upper->file();
  Status status = replicate(replicated, directory, temporary.c_str(), /*synced=*/true, [this] { pause(); });
  pause();
  Result<StepResult> moved =
      status.ok() ? move_in(step, directory, temporary.c_str(), &replicated) : Result<StepResult>(status);
  if (!moved.ok() || !moved->done) (void)unlinkat(directory, temporary.c_str(), 0);
  return moved;
}

Result<StepResult> StepRunner::link(size_t index) {
  const Step &step = journal_.steps[index];
  Result<Place> first = find(base_, step.other);
  bool usable = first.ok() && first->info && step.after && skipped_.count(step.other) == 0 &&
                (first->info->st_mode & S_IFMT) == (step.after->mode & S_IFMT) &&
                first->info->st_size == step.after->size;
  if (!usable) return put(index);
  Result<Place> upper = find(upper_, step.path);
  if (!upper.ok() || !is(step.after, upper->info)) return delta_differs();
  Result<Place> base = find(base_, step.path);
  if (!base.ok()) return base.status();
  std::string temporary = temporary_name(journal_, index);
  int directory = base->directory.get();
  if (base->info && base->info->st_ino == first->info->st_ino && base->info->st_dev == first->info->st_dev) {
    return StepResult();
  }
  if (!is_as_planned(step, base->info)) return base_differs();
  moved_ctimes_.insert(first->info->st_ino);
  if (linkat(first->directory.get(), first->name.c_str(), directory, temporary.c_str(), 0) != 0) {
    return errno == EMLINK || errno == EXDEV || errno == EPERM ? put(index) : sys::errno_status();
  }
  pause();
  struct stat made {};
  bool is_first = fstatat(directory, temporary.c_str(), &made, AT_SYMLINK_NOFOLLOW) == 0 &&
                  made.st_ino == first->info->st_ino;
  Result<StepResult> moved = is_first ? move_in(step, directory, temporary.c_str(), nullptr) : base_differs();
  if (!moved.ok() || !moved->done) (void)unlinkat(directory, temporary.c_str(), 0);
  return moved;
}

// The times are set last, so that either the planned or the upper's say that it is the file.
Result<StepResult> StepRunner::set_attributes(const Step &step) {
  Result<Place> upper = find(upper_, step.path);
  if (!upper.ok() || !is(step.after, upper->info)) return delta_differs();
  Result<Place> base = find(base_, step.path);
  if (!base.ok()) return base.status();
  if (!base->info || !step.before) return base_differs();
  FileMark expected = *step.before;
  if (resumed_ && !is_still(expected, *base->info)) expected.mtime = step.after->mtime;
  bool untouched = resumed_ ? is_still(expected, *base->info) : is_before(step, base->info);
  if (!untouched) return base_differs();
  sys::Fd from(openat(upper->directory.get(), upper->name.c_str(), kRead));
  if (!from) return sys::errno_status();
  sys::Fd to(openat(base->directory.get(), base->name.c_str(), kRead));
  struct stat opened {};
  if (!to || fstat(to.get(), &opened) != 0) return sys::errno_status();
  if (!is_still(expected, opened)) return base_differs();
  pause();
  if (Status status = take_attributes(from.get(), to.get()); !status.ok()) return status;
  return fsync(to.get()) == 0 ? Result(StepResult()) : sys::errno_status();
}

Result<StepResult> StepRunner::remove(const Step &step) {
  if (!step.other.empty() && skipped_.count(step.other) != 0) {
    return skip("it was not brought to its new place");
  }
  if (resumed_) {
    Result<bool> nothing = shows_nothing(upper_, step.path);
    if (!nothing.ok() || !*nothing) return delta_differs();
  }
  Result<Place> base = find(base_, step.path);
  if (!base.ok()) {
    // Its directory went as well, or has given way to something else already.
    bool gone = base.error() == ENOENT || (resumed_ && is_elsewhere(base.error()));
    return gone ? Result(StepResult()) : base.status();
  }
  if (!base->info) return StepResult();
  if (!is_before(step, base->info)) return base_differs();
  int flags = is_directory(base->info) ? AT_REMOVEDIR : 0;
  if (unlinkat(base->directory.get(), base->name.c_str(), flags) != 0) return sys::errno_status();
  return StepResult();
}

Result<StepResult> StepRunner::directory_attributes(const Step &step, bool times_alone) {
  Result<sys::Fd> upper = sys::open_dir_beneath(upper_, step.path);
  Result<sys::Fd> base = sys::open_dir_beneath(base_, step.path);
  struct stat above {
  }, below{};
  bool both = upper.ok() && base.ok() && fstat(upper->get(), &above) == 0 && fstat(base->get(), &below) == 0;
  if (times_alone) {  // of a directory that the delta may show nothing of
    Status status = both ? copy_times(above, base->get()) : Status();
    return status.ok() || status.error() == EPERM ? Result(StepResult()) : status;
  }
  if (!both) return base_differs();
  if (!is(step.after, above)) return delta_differs();
  bool was_there = step.before && S_ISDIR(step.before->mode);
  if (was_there && !is(step.before, below)) return base_differs();
  sys::Fd from(openat(upper->get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  sys::Fd to(openat(base->get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!from || !to) return sys::errno_status();
  if (Status status = take_attributes(from.get(), to.get()); !status.ok()) return status;
  return StepResult();
}

}  // namespace agentfense::delta
