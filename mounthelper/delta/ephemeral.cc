#include "mounthelper/delta/ephemeral.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "mounthelper/sys/read_directory.h"
#include "mounthelper/sys/remove_tree.h"

namespace agentfense::delta {
namespace {

using sys::Fd;
using sys::Result;
using sys::Status;

constexpr int kReadable = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

std::string prefix() { return "agentfense-delta-" + std::to_string(geteuid()) + "-"; }

std::string random_name(const std::string &begin) {
  uint64_t number = 0;
  (void)!getrandom(&number, sizeof number, 0);  // a name that is taken is seen and another tried
  return begin + std::to_string(number);
}

// A place where nobody else can put another directory under our name.
Status check_place(int place) {
  struct stat info {};
  if (fstat(place, &info) != 0) return sys::errno_status();
  bool owned = info.st_uid == 0 || info.st_uid == geteuid();
  bool fenced = (info.st_mode & 0022) == 0 || (info.st_mode & S_ISVTX) != 0;
  return owned && fenced ? Status() : Status::failure(EPERM, "others may rename what is in it");
}

// The lock comes after the making: who sweeps in between takes the lock, and removes the name, first.
bool hold(const Fd &directory, bool wait) {
  if (flock(directory.get(), LOCK_EX | (wait ? 0 : LOCK_NB)) != 0) return false;
  struct stat info {};
  return fstat(directory.get(), &info) == 0 && info.st_nlink != 0;
}

Result<Fd> make_directory(int place, std::string &name) {
  for (int tries = 0; tries < 100; ++tries) {
    name = random_name(prefix());
    if (mkdirat(place, name.c_str(), 0700) != 0) {
      if (errno == EEXIST) continue;
      return sys::errno_status();
    }
    Fd directory(openat(place, name.c_str(), kReadable));
    if (directory && hold(directory, /*wait=*/true)) return directory;
  }
  return Status::failure(EEXIST);
}

// Removes what processes of ours left that were killed. Best effort: it is tried again the next time.
void sweep(int place) {
  std::vector<std::string> names;
  std::string begin = prefix();
  Fd readable(openat(place, ".", kReadable));
  if (!readable) return;
  (void)sys::read_directory(readable.get(), [&](const sys::RawEntry &entry) {
    if (entry.name.starts_with(begin)) names.emplace_back(entry.name);
  });
  for (const std::string &name : names) {
    Fd directory(openat(place, name.c_str(), kReadable));
    struct stat info {};
    if (!directory || fstat(directory.get(), &info) != 0 || info.st_uid != geteuid()) continue;
    if (!hold(directory, /*wait=*/false)) continue;
    if (sys::remove_contents(directory.get()).ok()) (void)unlinkat(place, name.c_str(), AT_REMOVEDIR);
  }
}

}  // namespace

std::vector<std::string> Ephemeral::usual_places() {
  std::vector<std::string> places;
  const char *given = std::getenv("TMPDIR");
  if (given != nullptr && given[0] == '/') places.emplace_back(given);
  places.insert(places.end(), {"/var/tmp", "/tmp"});
  return places;
}

Result<Ephemeral> Ephemeral::make(const std::vector<std::string> &places, int base,
                                  const std::string &base_path) {
  std::string reasons;
  int error = ENOENT;
  for (const std::string &place : places) {
    Ephemeral made;
    made.place_ = place;
    Fd parent(open(place.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    Status status = parent ? check_place(parent.get()) : sys::errno_status();
    if (status.ok()) {
      sweep(parent.get());
      Result<Fd> directory = make_directory(parent.get(), made.name_);
      status = directory.status();
      if (directory.ok()) {
        made.hold_ = std::move(*directory);
        made.parent_ = std::move(parent);
      }
    }
    if (status.ok()) {
      Result<Store> store =
          open_to_write({.path = made.path(), .base = base, .base_path = base_path, .synced = false});
      if (store.ok()) {
        made.store_ = std::move(*store);
        return made;
      }
      status = store.status();
    }
    error = status.error();
    if (!reasons.empty()) reasons += ", ";
    reasons += place + " (" + std::strerror(error) + ")";
  }
  return Status::failure(error,
                         "found no place for a temporary delta: tried " + reasons +
                             "; set TMPDIR to a directory of your own, outside the base, on ext4, xfs, "
                             "btrfs, or tmpfs of Linux 6.6");
}

Ephemeral::~Ephemeral() {
  if (!kept_) (void)remove();
}

Status Ephemeral::keep() {
  Status status = keep_under_another_name();
  if (status.ok()) return status;
  return Status::failure(status.error(), "cannot keep the temporary delta " + path() + ": " +
                                             std::strerror(status.error()) + "; check its disk");
}

Status Ephemeral::keep_under_another_name() {
  for (int tries = 0; tries < 100; ++tries) {
    std::string kept = random_name("agentfense-kept-");
    if (renameat2(parent_.get(), name_.c_str(), parent_.get(), kept.c_str(), RENAME_NOREPLACE) == 0) {
      name_ = kept;
      kept_ = true;
      store_.synced = true;
      // Nothing of it was synced one by one.
      return syncfs(hold_.get()) == 0 ? Status() : sys::errno_status();
    }
    if (errno != EEXIST) return sys::errno_status();
  }
  return Status::failure(EEXIST);
}

Status Ephemeral::remove() {
  if (!parent_) return {};
  Fd parent = std::move(parent_);
  Status status = sys::remove_contents(hold_.get());
  if (status.ok() && unlinkat(parent.get(), name_.c_str(), AT_REMOVEDIR) != 0) status = sys::errno_status();
  if (status.ok()) return status;
  return Status::failure(status.error(), "cannot remove the temporary delta " + path() + ": " +
                                             std::strerror(status.error()) + "; remove it by hand");
}

}  // namespace agentfense::delta
