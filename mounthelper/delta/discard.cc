#include "mounthelper/delta/discard.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <unistd.h>

#include <cstring>
#include <set>
#include <unordered_map>

#include "mounthelper/delta/changes.h"
#include "mounthelper/delta/copy.h"
#include "mounthelper/delta/finished.h"
#include "mounthelper/delta/format.h"
#include "mounthelper/delta/journal.h"
#include "mounthelper/delta/origins.h"
#include "mounthelper/delta/paths.h"
#include "mounthelper/delta/quote_path.h"
#include "mounthelper/delta/uncover.h"
#include "mounthelper/delta/upper_walk.h"
#include "mounthelper/sys/attributes.h"
#include "mounthelper/sys/beneath.h"
#include "mounthelper/sys/remove_tree.h"
#include "mounthelper/sys/xattr_at.h"

namespace agentfense::delta {
namespace {

using sys::Result;
using sys::Status;

constexpr const char *kFresh = "#fresh";  // in the work directory

Status failure(int error, const std::string &what) {
  return Status::failure(error,
                         "cannot " + what + ": " + std::strerror(error) + "; mend that and run it again");
}

Status take_over(const struct stat &base, int from, int to) {
  Status status = copy_attributes(from, to, escape_attribute);
  note_origin(to, base.st_ino);
  if (status.ok()) status = copy_ownership(base, to);
  return status.ok() ? copy_times(base, to) : status;
}

// An upper layer without a change: the base's root, taken over.
Status make_fresh(const DiscardRequest &request, const struct stat &base) {
  int work = request.store->work.get();
  if (mkdirat(work, kFresh, 0700) != 0) return sys::errno_status();
  sys::Fd to(openat(work, kFresh, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  sys::Fd from(openat(request.base, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return to && from ? take_over(base, from.get(), to.get()) : sys::errno_status();
}

bool is_full(const Status &status) { return status.error() == ENOSPC || status.error() == EDQUOT; }

// Where there is no room for another directory. The root becomes the base's again last.
Status empty_in_place(const DiscardRequest &request, const struct stat &base) {
  int upper = request.store->upper.get();
  Status status = sys::change_mode(upper, 0700);
  if (status.ok()) status = sys::remove_contents(upper);
  if (!status.ok()) return status;
  if (request.pause) request.pause();
  sys::Fd to(openat(upper, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  sys::Fd from(openat(request.base, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!to || !from) return sys::errno_status();
  for (const std::string &name : sys::attribute_names(to.get())) {
    if (!name.starts_with("user.") && !name.starts_with("system.posix_acl_")) continue;
    status = sys::remove_attribute_at(upper, ".", name.c_str());
    if (!status.ok()) return status;
  }
  return take_over(base, from.get(), to.get());
}

Status discard_everything(const DiscardRequest &request) {
  int work = request.store->work.get();
  struct stat base {};
  if (fstat(request.base, &base) != 0) return failure(errno, "look at the base");
  Status status = sys::remove_tree(work, kFresh);
  if (status.ok()) status = make_fresh(request, base);
  if (is_full(status)) {
    status = sys::remove_tree(work, kFresh);
    if (status.ok()) status = empty_in_place(request, base);
    if (!status.ok()) return failure(status.error(), "empty the upper layer");
  } else {
    if (!status.ok()) return failure(status.error(), "make an empty upper layer");
    if (request.pause) request.pause();
    if (renameat2(work, kFresh, request.store->directory.get(), "upper", RENAME_EXCHANGE) != 0) {
      return failure(errno, "exchange the upper layer");
    }
  }
  if (request.pause) request.pause();
  // Lines of what is covered no more do not count.
  status = write_origins(request.store->meta.get(), {{"", origin_from(base)}});
  if (!status.ok()) return failure(status.error(), "write the delta's meta/origins");
  if (request.pause) request.pause();
  status = sys::remove_tree(work, kFresh);
  return status.ok() ? status : failure(status.error(), "empty the delta's work directory");
}

bool is_chosen(const DiscardRequest &request, const Change &change) {
  bool moved = change.kind == ChangeKind::renamed;
  return any_covers(request.paths, change.path) || (moved && any_covers(request.paths, change.from));
}

// A path that cannot show while something else stands where its directory was.
Status check_directories(const std::vector<Change> &changes, const std::set<std::string> &chosen) {
  std::set<std::string> files;  // that stay, in place of directories
  for (const Change &change : changes) {
    bool replaces = is_directory(change.before) && change.after && !is_directory(change.after);
    if (replaces && change.kind == ChangeKind::added && chosen.count(change.path) == 0)
      files.insert(change.path);
  }
  for (const std::string &path : chosen) {
    for (std::string above(parent_of(path)); !above.empty(); above = std::string(parent_of(above))) {
      if (files.count(above) == 0) continue;
      return Status::failure(EINVAL, "cannot bring back " + quote_path(path) +
                                         " while the delta has a file at " + quote_path(above) +
                                         "; discard that, with --path " + quote_path("/" + above));
    }
  }
  return {};
}

Status forget_origins(const DiscardRequest &request, const std::set<std::string> &paths,
                      const std::set<std::string> &remaining) {
  Result<Origins> origins = read_origins(request.store->meta.get());
  if (!origins.ok()) return origins.status();
  for (const std::string &path : paths) {
    origins->erase(path);
    if (remaining.count(path) == 0) continue;
    Result<sys::Fd> directory = sys::open_dir_beneath(request.base, path);
    struct stat now {};
    if (directory.ok() && fstat(directory->get(), &now) == 0) (*origins)[path] = origin_from(now);
  }
  return write_origins(request.store->meta.get(), *origins);
}

// What the journal names.
Status let_go(const DiscardRequest &request, const std::set<std::string> &paths) {
  Result<std::set<std::string>> remaining =
      uncover({request.store, request.base, paths, /*settled=*/std::nullopt, request.pause});
  if (!remaining.ok()) return remaining.status();
  Status status = forget_origins(request, paths, *remaining);
  if (!status.ok()) return failure(status.error(), "write the delta's meta/origins");
  if (request.pause) request.pause();
  status = remove_journal(request.store->meta.get());
  return status.ok() ? status : failure(status.error(), "remove the delta's meta/journal");
}

Status discard_paths(const DiscardRequest &request, const std::vector<Change> &changes, size_t &count) {
  std::set<std::string> paths;
  for (const Change &change : changes) {
    if (!is_chosen(request, change)) continue;
    ++count;
    paths.insert(change.path);
    if (change.kind == ChangeKind::renamed) paths.insert(change.from);
  }
  if (Status status = check_directories(changes, paths); !status.ok()) return status;
  // Copies of what the base has the same go too.
  Status walked = walk_upper(request.store->upper.get(), [&](const UpperEntry &entry) {
    if (any_covers(request.paths, entry.path)) paths.insert(entry.path);
    return Status();
  });
  if (!walked.ok()) return failure(walked.error(), "look through the delta");
  Result<Journal> journal = new_journal();
  if (!journal.ok()) return journal.status();
  journal->dropped.assign(paths.begin(), paths.end());
  journal->base_done = true;
  if (Status status = write_journal(request.store->meta.get(), *journal); !status.ok()) return status;
  return let_go(request, paths);
}

// Another command's journal, or one of ours that was cut short.
Status finish_earlier(const DiscardRequest &request) {
  Result<std::optional<Journal>> journal = read_journal(request.store->meta.get());
  if (!journal.ok()) return journal.status();
  if (!*journal) return {};
  if (!is_discard(**journal)) {
    return Status::failure(
        EBUSY, "an apply of this delta was cut short; run mount.agentfense delta apply to finish it first");
  }
  return let_go(request, {(*journal)->dropped.begin(), (*journal)->dropped.end()});
}

}  // namespace

Result<size_t> discard(const DiscardRequest &request) {
  if (Status status = finish_earlier(request); !status.ok()) return status;
  Result<std::vector<Change>> changes = list_changes(*request.store, request.base);
  if (!changes.ok()) return changes.status();
  size_t count = request.paths.empty() ? changes->size() : 0;
  Status status =
      request.paths.empty() ? discard_everything(request) : discard_paths(request, *changes, count);
  return status.ok() ? Result(count) : status;
}

}  // namespace agentfense::delta
