#include "mounthelper/delta/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <thread>
#include <utility>

#include "mounthelper/delta/copy.h"
#include "mounthelper/delta/format.h"
#include "mounthelper/delta/inspect.h"
#include "mounthelper/delta/journal.h"
#include "mounthelper/delta/origins.h"
#include "mounthelper/delta/probe.h"
#include "mounthelper/sys/attributes.h"
#include "mounthelper/sys/below.h"
#include "mounthelper/sys/remove_tree.h"
#include "mounthelper/sys/whole_file.h"
#include "mounthelper/sys/xattr_at.h"

namespace agentfense::delta {
namespace {

using sys::Fd;
using sys::Result;
using sys::Status;

constexpr int kHandle = O_PATH | O_DIRECTORY | O_CLOEXEC;
constexpr const char *kLock = "lock";

Status refuse(const StoreRequest &request, const Status &why) {
  std::string cause = why.message().empty() ? explain(why.error(), "open it").message() : why.message();
  return Status::failure(why.error(), "cannot use the delta " + request.path + ": " + cause);
}

Status in_use() {
  return Status::failure(EBUSY,
                         "it is in use by another process; unmount the view that writes to it, or wait for "
                         "the command that does");
}

// DIR, and what it takes to undo its making.
struct Place {
  Fd directory;
  Fd parent;  // set where the directory was made here
  std::string name;
};

// Splits "a/b/" into "a" and "b".
std::pair<std::string, std::string> split_path(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {".", path};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

Status inside_base(const StoreRequest &request) {
  return Status::failure(ELOOP, "it lies inside the base " + request.base_path +
                                    ", so it would hold itself; choose a directory outside");
}

Result<bool> at_or_below(int directory, const struct stat &top) {
  struct stat info {};
  if (fstat(directory, &info) != 0) return sys::errno_status();
  if (sys::same_file(info, top)) return true;
  return sys::is_below(directory, top);
}

Status check_apart(const StoreRequest &request, int directory) {
  struct stat base {
  }, delta{};
  if (fstat(request.base, &base) != 0 || fstat(directory, &delta) != 0) return sys::errno_status();
  Result<bool> inside = at_or_below(directory, base);
  if (!inside.ok()) return explain(inside.status().error(), "look at the directories above it");
  if (*inside) return inside_base(request);
  // The handle of the base may be a copy of its mount, above which there is nothing.
  Fd named(open(request.base_path.c_str(), kHandle));
  struct stat again {};
  if (!named || fstat(named.get(), &again) != 0 || !sys::same_file(again, base)) return {};
  Result<bool> around = sys::is_below(named.get(), delta);
  if (!around.ok() || !*around) return {};
  return Status::failure(
      ELOOP, "the base " + request.base_path + " lies inside it; choose a directory that does not hold it");
}

Result<Place> open_place(const StoreRequest &request) {
  Place place;
  place.directory.reset(open(request.path.c_str(), kHandle));
  if (place.directory) return place;
  if (errno == ENOENT) return Status::failure(ENOENT, "there is no such directory; check the path");
  if (errno == ENOTDIR) return Status::failure(ENOTDIR, "it is not a directory; name one, or a new path");
  return explain(errno, "open it");
}

Result<Place> open_or_make_place(const StoreRequest &request) {
  Result<Place> opened = open_place(request);
  if (opened.ok() || opened.error() != ENOENT) return opened;
  Place place;
  auto [above, name] = split_path(request.path);
  place.name = name;
  place.parent.reset(open(above.c_str(), kHandle));
  if (!place.parent && errno == ENOENT) {
    return Status::failure(ENOENT, "there is no directory " + above + " to make it in; create that first");
  }
  if (!place.parent) return explain(errno, "open " + above);
  struct stat base {};
  if (fstat(request.base, &base) != 0) return sys::errno_status();
  Result<bool> inside = at_or_below(place.parent.get(), base);
  if (!inside.ok()) return explain(inside.status().error(), "look at the directories above it");
  if (*inside) return inside_base(request);
  if (mkdirat(place.parent.get(), name.c_str(), 0700) != 0) {
    if (errno == EEXIST) return Status::failure(EEXIST, "it is a link that leads nowhere; name a directory");
    return explain(errno, "make it");
  }
  place.directory.reset(openat(place.parent.get(), name.c_str(), kHandle | O_NOFOLLOW));
  if (!place.directory) return explain(errno, "open it");
  return place;
}

bool wait_for_lock(int lock, std::chrono::milliseconds patience) {
  auto end = std::chrono::steady_clock::now() + patience;
  while (flock(lock, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK || std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

// Holds meta/lock. An earlier holder may have given up and removed the file under our hand.
Result<Fd> take_lock(int meta, std::chrono::milliseconds patience) {
  Fd lock(openat(meta, kLock, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600));
  if (!lock && errno == ENOENT) return in_use();
  if (!lock && (errno == ELOOP || errno == EISDIR)) {
    const char *what = errno == ELOOP ? "a symlink, and none is followed" : "a directory";
    return Status::failure(errno, std::string("its meta/lock is ") + what + "; remove that");
  }
  if (!lock) return explain(errno, "hold its meta/lock");
  if (!wait_for_lock(lock.get(), patience)) {
    return errno == EWOULDBLOCK ? in_use() : explain(errno, "hold its meta/lock");
  }
  struct stat held {
  }, named{};
  if (fstat(lock.get(), &held) != 0 || fstatat(meta, kLock, &named, AT_SYMLINK_NOFOLLOW) != 0 ||
      !sys::same_file(held, named)) {
    return in_use();
  }
  return lock;
}

Result<Fd> make_part(int directory, const char *name, mode_t mode) {
  if (mkdirat(directory, name, mode) != 0 && errno != EEXIST) return explain(errno, "make directories in it");
  Result<Fd> fd = open_part(directory, name);
  if (!fd.ok()) return fd;
  // What the directory above hands down is not the base's.
  for (const char *list : {"system.posix_acl_default", "system.posix_acl_access"}) {
    (void)sys::remove_attribute_at(fd->get(), ".", list);
  }
  if (Status status = sys::change_mode(fd->get(), mode); !status.ok()) {
    return explain(status.error(), "make directories in it");
  }
  return fd;
}

// The upper layer's root is the base's, taken over.
Status take_over_root(const StoreRequest &request, const Store &store) {
  struct stat base {};
  if (fstat(request.base, &base) != 0) return sys::errno_status();
  Fd from(
      openat(request.base, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));  // none where it is not ours to read
  Fd to(openat(store.upper.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!to) return sys::errno_status();
  if (from) {
    Status status = copy_attributes(from.get(), to.get(), escape_attribute);
    if (!status.ok()) return status;
  }
  note_origin(store.upper.get(), ".", base.st_ino);
  if (Status status = copy_ownership(base, to.get()); !status.ok()) return status;
  if (Status status = copy_times(base, to.get()); !status.ok()) return status;
  return write_origins(store.meta.get(), {{"", origin_from(base)}}, request.synced);
}

// With root's helper each caller makes files there, with ids of its own.
mode_t work_mode() { return geteuid() == 0 ? 01777 : 0700; }

// Nothing is emptied where the delta cannot be used.
Status prepare_work(int work, bool shrinks) {
  if (Status status = shrinks ? Status() : probe(work); !status.ok()) return status;
  Status status = sys::remove_contents(work);
  if (status.ok()) status = sys::change_mode(work, work_mode());
  return status.ok() ? status : explain(status.error(), "empty its work directory");
}

// Makes the parts of a new delta; meta and lock are there.
Status make(const StoreRequest &request, const Identity &identity, Store &store) {
  // Before work may be open to all. Best effort: it may be another's directory, given to us.
  (void)sys::change_mode(store.directory.get(), 0700);
  Result<Fd> upper = make_part(store.directory.get(), "upper", 0700);
  if (!upper.ok()) return upper.status();
  store.upper = std::move(*upper);
  Result<Fd> work = make_part(store.directory.get(), "work", work_mode());
  if (!work.ok()) return work.status();
  store.work = std::move(*work);
  if (Status status = prepare_work(store.work.get(), /*shrinks=*/false); !status.ok()) return status;
  if (Status status = take_over_root(request, store); !status.ok())
    return explain(status.error(), "write to it");
  // Last: from here on it is a delta.
  Status status = request.synced ? sys::sync_directory(store.directory.get()) : Status();
  if (status.ok()) {
    status = sys::replace_whole(store.meta.get(), kIdentityName, format_identity(identity), request.synced);
  }
  return status.ok() ? status : explain(status.error(), "write to it");
}

// REQUIRES: the lock is held; nothing in it is anybody's.
void unmake(const Place &place, const Store &store) {
  (void)sys::remove_tree(store.directory.get(), "upper");
  (void)sys::remove_tree(store.directory.get(), "work");
  (void)sys::remove_contents(store.meta.get());
  (void)unlinkat(store.directory.get(), "meta", AT_REMOVEDIR);
  if (place.parent) (void)unlinkat(place.parent.get(), place.name.c_str(), AT_REMOVEDIR);
}

Status open_parts(Store &store) {
  for (auto [name, part] : {std::pair("upper", &store.upper), std::pair("work", &store.work)}) {
    Result<Fd> fd = open_part(store.directory.get(), name);
    if (!fd.ok()) return fd.status();
    *part = std::move(*fd);
  }
  return {};
}

Status reopen(const StoreRequest &request, Store &store) {
  Status status = open_parts(store);
  return status.ok() ? prepare_work(store.work.get(), request.shrinks) : status;
}

// Everything from the lock on.
Status hold(const StoreRequest &request, const Identity &identity, const Place &place, Store &store) {
  struct stat before {};
  if (fstat(store.directory.get(), &before) != 0) return sys::errno_status();
  Result<Finding> finding = inspect(store.directory.get(), identity);
  if (!finding.ok()) return finding.status();
  bool had_meta = *finding != Finding::empty;
  Result<Fd> meta =
      had_meta ? open_part(store.directory.get(), "meta") : make_part(store.directory.get(), "meta", 0700);
  if (!meta.ok()) return meta.status();
  store.meta = std::move(*meta);
  struct stat lock_before {};
  bool had_lock = fstatat(store.meta.get(), kLock, &lock_before, AT_SYMLINK_NOFOLLOW) == 0;
  Result<Fd> lock = take_lock(store.meta.get(), request.patience);
  if (!lock.ok()) {
    // Both fail where it is another's by now.
    if (!had_meta) (void)unlinkat(store.directory.get(), "meta", AT_REMOVEDIR);
    return lock.status();
  }
  store.lock = std::move(*lock);

  // Another process may have finished or begun it before the lock was ours.
  finding = inspect(store.directory.get(), identity);
  if (!finding.ok()) return finding.status();
  bool fresh = *finding != Finding::whole;
  Status status = fresh ? make(request, identity, store) : reopen(request, store);
  if (status.ok()) return status;
  if (fresh) {
    unmake(place, store);
    if (!place.parent) (void)sys::change_mode(store.directory.get(), before.st_mode & 07777);
  } else if (!had_lock) {
    (void)unlinkat(store.meta.get(), kLock, 0);
  }
  return status;
}

}  // namespace

Result<Store> open_to_write(const StoreRequest &request) {
  Result<Identity> identity = identity_of(request.base, request.base_path);
  if (!identity.ok()) return refuse(request, identity.status());
  Result<Place> place = open_or_make_place(request);
  if (!place.ok()) return refuse(request, place.status());
  Store store;
  store.synced = request.synced;
  store.directory = std::move(place->directory);
  Status status = check_apart(request, store.directory.get());
  if (status.ok()) status = hold(request, *identity, *place, store);
  if (!status.ok()) {
    // Fails, as it should, where it is another's by now.
    if (place->parent) (void)unlinkat(place->parent.get(), place->name.c_str(), AT_REMOVEDIR);
    return refuse(request, status);
  }
  if (place->parent && request.synced) (void)sys::sync_directory(place->parent.get());
  return store;
}

Result<Store> open_to_read(const StoreRequest &request) {
  Result<Identity> identity = identity_of(request.base, request.base_path);
  if (!identity.ok()) return refuse(request, identity.status());
  Result<Place> place = open_place(request);
  if (!place.ok()) return refuse(request, place.status());
  Store store;
  store.directory = std::move(place->directory);
  Status status = check_apart(request, store.directory.get());
  if (!status.ok()) return refuse(request, status);
  Result<Finding> finding = inspect(store.directory.get(), *identity);
  if (!finding.ok()) return refuse(request, finding.status());
  if (*finding != Finding::whole) {
    return refuse(request, Status::failure(ENOENT, "it is empty; name the delta of a view of this base"));
  }
  Result<Fd> meta = open_part(store.directory.get(), "meta");
  if (!meta.ok()) return refuse(request, meta.status());
  store.meta = std::move(*meta);
  if (status = open_parts(store); !status.ok()) return refuse(request, status);
  return store;
}

Status check_settled(const Store &store, const StoreRequest &request) {
  return has_journal(store.meta.get()) ? refuse(request, unsettled()) : Status();
}

Status keep_table(const Store &store, std::string_view table_bytes) {
  Status status = sys::replace_whole(store.meta.get(), "table.aft", table_bytes, store.synced);
  if (status.ok()) return status;
  return Status::failure(status.error(), "cannot keep the table in the delta's meta/table.aft: " +
                                             explain(status.error(), "write to it").message());
}

}  // namespace agentfense::delta
