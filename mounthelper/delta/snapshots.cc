#include "mounthelper/delta/snapshots.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "mounthelper/delta/copy_tree.h"
#include "mounthelper/delta/origins.h"
#include "mounthelper/delta/quote_path.h"
#include "mounthelper/sys/read_directory.h"
#include "mounthelper/sys/remove_tree.h"
#include "mounthelper/sys/whole_file.h"

namespace agentfense::delta {
namespace {

using sys::Fd;
using sys::Result;
using sys::Status;

constexpr int kHandle = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr const char *kSnapshots = "snapshots";
constexpr const char *kUpper = "upper";
constexpr const char *kNew = ".new";            // being made
constexpr const char *kGone = ".gone";          // being deleted
constexpr const char *kRestored = "#restored";  // in the work directory
constexpr size_t kLongestName = 200;

Status failure(int error, const std::string &what) {
  return Status::failure(error,
                         "cannot " + what + ": " + std::strerror(error) + "; mend that and run it again");
}

Status check_name(const std::string &name) {
  bool good = !name.empty() && name.size() <= kLongestName && name.front() != '.' &&
              std::none_of(name.begin(), name.end(), [](char c) {
                return c == '/' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
              });
  if (good) return {};
  return Status::failure(
      EINVAL,
      "a snapshot's name has 1 to 200 bytes, no / and no control character, and does not begin with "
      "a dot; choose another than " +
          quote_path(name));
}

Status no_such(const std::string &name) {
  return Status::failure(
      ENOENT, "the delta has no snapshot " + quote_path(name) + "; list them with delta snapshot --list");
}

void pause(const SnapshotRequest &request) {
  if (request.pause) request.pause();
}

// Everything of a snapshot, and on the disk.
Status fill(const SnapshotRequest &request, int snapshots) {
  if (mkdirat(snapshots, kNew, 0700) != 0) return sys::errno_status();
  Fd fresh(openat(snapshots, kNew, kHandle));
  if (!fresh || mkdirat(fresh.get(), kUpper, 0700) != 0) return sys::errno_status();
  Fd upper(openat(fresh.get(), kUpper, kHandle));
  if (!upper) return sys::errno_status();
  pause(request);
  Status status = copy_tree(request.store->upper.get(), upper.get(), request.progress);
  if (!status.ok()) return status;
  Result<Origins> origins = read_origins(request.store->meta.get());
  if (!origins.ok()) return origins.status();
  if (status = write_origins(fresh.get(), *origins); !status.ok()) return status;
  Fd real(openat(fresh.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return real && syncfs(real.get()) == 0 ? Status() : sys::errno_status();
}

Result<Fd> open_snapshots(const Store &store) {
  Fd fd(openat(store.meta.get(), kSnapshots, kHandle));
  if (!fd) return sys::errno_status();
  return fd;
}

}  // namespace

Status take_snapshot(const SnapshotRequest &request) {
  if (Status status = check_name(request.name); !status.ok()) return status;
  if (mkdirat(request.store->meta.get(), kSnapshots, 0700) != 0 && errno != EEXIST) {
    return failure(errno, "make the delta's meta/snapshots");
  }
  Result<Fd> snapshots = open_snapshots(*request.store);
  if (!snapshots.ok()) return failure(snapshots.error(), "open the delta's meta/snapshots");
  struct stat info {};
  auto taken = [&] {
    return Status::failure(EEXIST, "the delta has a snapshot " + quote_path(request.name) +
                                       " already; delete it with --delete, or choose another name");
  };
  if (fstatat(snapshots->get(), request.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) return taken();
  Status status = sys::remove_tree(snapshots->get(), kNew);
  if (status.ok()) status = fill(request, snapshots->get());
  pause(request);
  if (status.ok() &&
      renameat2(snapshots->get(), kNew, snapshots->get(), request.name.c_str(), RENAME_NOREPLACE) != 0) {
    status = sys::errno_status();
  }
  if (status.ok()) status = sys::sync_directory(snapshots->get());
  if (status.ok()) return {};
  (void)sys::remove_tree(snapshots->get(), kNew);
  return failure(status.error(), "take the snapshot " + quote_path(request.name));
}

Status restore_snapshot(const SnapshotRequest &request) {
  if (Status status = check_name(request.name); !status.ok()) return status;
  Result<Fd> snapshots = open_snapshots(*request.store);
  Fd snapshot(snapshots.ok() ? openat(snapshots->get(), request.name.c_str(), kHandle) : -1);
  Fd from(snapshot ? openat(snapshot.get(), kUpper, kHandle) : -1);
  if (!from) return no_such(request.name);
  Result<Origins> origins = read_origins(snapshot.get());
  if (!origins.ok()) return failure(origins.error(), "read the snapshot " + quote_path(request.name));

  int work = request.store->work.get();
  Status status = sys::remove_tree(work, kRestored);
  if (status.ok() && mkdirat(work, kRestored, 0700) != 0) status = sys::errno_status();
  Fd to(status.ok() ? openat(work, kRestored, kHandle) : -1);
  if (status.ok() && !to) status = sys::errno_status();
  if (status.ok()) status = copy_tree(from.get(), to.get(), request.progress);
  Fd real(to ? openat(to.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1);
  if (status.ok() && (!real || syncfs(real.get()) != 0)) status = sys::errno_status();
  pause(request);
  // The origins first: with those of an earlier time a path of the old layer can only seem to be in conflict. The other
  // way round an apply could overwrite what the base got since.
  if (status.ok()) status = write_origins(request.store->meta.get(), *origins);
  pause(request);
  if (status.ok() &&
      renameat2(work, kRestored, request.store->directory.get(), kUpper, RENAME_EXCHANGE) != 0) {
    status = sys::errno_status();
  }
  pause(request);
  if (status.ok()) status = sys::sync_directory(request.store->directory.get());
  Status emptied = sys::remove_tree(work, kRestored);
  if (status.ok()) status = emptied;
  return status.ok() ? status : failure(status.error(), "restore the snapshot " + quote_path(request.name));
}

Status delete_snapshot(const SnapshotRequest &request) {
  if (Status status = check_name(request.name); !status.ok()) return status;
  Result<Fd> snapshots = open_snapshots(*request.store);
  if (!snapshots.ok()) return no_such(request.name);
  Status status = sys::remove_tree(snapshots->get(), kGone);
  if (status.ok() && renameat(snapshots->get(), request.name.c_str(), snapshots->get(), kGone) != 0) {
    if (errno == ENOENT) return no_such(request.name);
    status = sys::errno_status();
  }
  pause(request);
  if (status.ok()) status = sys::remove_tree(snapshots->get(), kGone);
  return status.ok() ? status : failure(status.error(), "delete the snapshot " + quote_path(request.name));
}

Result<std::vector<std::string>> list_snapshots(const Store &store) {
  std::vector<std::string> names;
  Result<Fd> snapshots = open_snapshots(store);
  if (!snapshots.ok() && snapshots.error() == ENOENT) return names;
  Fd fd(snapshots.ok() ? openat(snapshots->get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1);
  if (!fd) return failure(errno, "read the delta's meta/snapshots");
  Status status = sys::read_directory(fd.get(), [&](const sys::RawEntry &entry) {
    if (!entry.name.starts_with('.')) names.emplace_back(entry.name);
  });
  if (!status.ok()) return failure(status.error(), "read the delta's meta/snapshots");
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace agentfense::delta
