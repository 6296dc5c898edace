#include "mounthelper/delta/names.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "mounthelper/delta/copy.h"
#include "mounthelper/delta/format.h"
#include "mounthelper/sys/attributes.h"
#include "mounthelper/sys/fd.h"

namespace agentfense::delta {
namespace {

using sys::Result;
using sys::Status;

enum class Standing { nothing, whiteout, directory, other };

Result<Standing> in_upper(int upper, const char *name) {
  struct stat info {};
  if (fstatat(upper, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return Standing::nothing;
    return sys::errno_status();
  }
  if (is_whiteout(info)) return Standing::whiteout;
  return S_ISDIR(info.st_mode) ? Standing::directory : Standing::other;
}

Status done(int result) { return result == 0 ? Status() : sys::errno_status(); }

// What mkdir and open do by themselves in a directory with the set-group-id bit.
Status take_group_of(int upper, int work, const char *name, const struct stat &made) {
  struct stat above {};
  if (fstat(upper, &above) != 0) return sys::errno_status();
  if ((above.st_mode & S_ISGID) == 0) return {};
  if (fchownat(work, name, static_cast<uid_t>(-1), above.st_gid, AT_SYMLINK_NOFOLLOW) != 0)
    return sys::errno_status();
  if (!S_ISDIR(made.st_mode)) return {};
  return done(fchmodat(work, name, (made.st_mode & 07777) | S_ISGID, 0));
}

// Open to its owner while this lives: marking a directory, and moving it to another, takes the right to write to
// it, which an owner without capabilities may have withheld. For one that nobody else knows.
class Opened {
 public:
  Opened(int at, const char *name, const struct stat &info)
      : at_(at), name_(name), mode_(info.st_mode & 07777) {
    is_opened_ =
        S_ISDIR(info.st_mode) && (mode_ & S_IWUSR) == 0 && fchmodat(at, name, mode_ | S_IRWXU, 0) == 0;
  }
  Opened(const Opened &) = delete;
  Opened &operator=(const Opened &) = delete;
  ~Opened() {
    if (is_opened_) (void)fchmodat(at_, name_, mode_, 0);
  }
  void moved(int at, const char *name) {
    at_ = at;
    name_ = name;
  }

 private:
  int at_;
  const char *name_;
  const mode_t mode_;
  bool is_opened_;
};

// The new file takes the whiteout's place in one step.
Status replace_whiteout(const MergedDir &directory, const char *name, Work &work, const Make &make,
                        Made what) {
  std::string temporary = work.new_name();
  int at = work.directory();
  if (make(at, temporary.c_str()) != 0) return sys::errno_status();
  struct stat made {};
  Status status = done(fstatat(at, temporary.c_str(), &made, AT_SYMLINK_NOFOLLOW));
  bool is_new = what == Made::new_file;
  if (status.ok() && is_new) status = take_group_of(directory.upper, at, temporary.c_str(), made);
  bool is_directory = S_ISDIR(made.st_mode);
  if (status.ok() && is_directory)
    status = done(fstatat(at, temporary.c_str(), &made, AT_SYMLINK_NOFOLLOW));  // with its group's bit
  if (status.ok()) {
    Opened opened(at, temporary.c_str(), made);
    if (is_directory) status = set_opaque(at, temporary.c_str());
    unsigned how = is_directory ? RENAME_EXCHANGE : 0;
    if (status.ok()) status = done(renameat2(at, temporary.c_str(), directory.upper, name, how));
    if (status.ok()) opened.moved(directory.upper, name);
  }
  if (!status.ok() || is_directory) {
    bool is_whiteout_now = status.ok();
    (void)unlinkat(at, temporary.c_str(), is_directory && !is_whiteout_now ? AT_REMOVEDIR : 0);
  }
  return status;
}

// A whiteout takes the place of what stands there, which ends up in work under the returned name.
Result<std::string> swap_with_whiteout(int upper, const char *name, Work &work, bool is_directory) {
  std::string temporary = work.new_name();
  if (Status status = work.make_whiteout(work.directory(), temporary.c_str()); !status.ok()) return status;
  struct stat info {};
  Status status = done(fstatat(upper, name, &info, AT_SYMLINK_NOFOLLOW));
  if (status.ok()) {
    Opened opened(upper, name, info);
    unsigned how = is_directory ? RENAME_EXCHANGE : 0;
    status = done(renameat2(work.directory(), temporary.c_str(), upper, name, how));
    if (status.ok()) opened.moved(work.directory(), temporary.c_str());
  }
  if (status.ok()) return temporary;
  (void)unlinkat(work.directory(), temporary.c_str(), 0);
  return status;
}

// The whiteouts in a directory that shows nothing. ENOTEMPTY where there is anything else.
Result<std::vector<std::string>> whiteouts_in(int parent, const char *name) {
  sys::Fd fd(openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return sys::errno_status();
  std::vector<std::string> names;
  bool other = false;
  Status status = sys::read_directory(fd.get(), [&](const sys::RawEntry &entry) {
    Result<Standing> standing = in_upper(fd.get(), entry.name.data());
    other |= !standing.ok() || *standing != Standing::whiteout;
    names.emplace_back(entry.name);
  });
  if (!status.ok()) return status;
  if (other) return Status::failure(ENOTEMPTY);
  return names;
}

Status unlink_all(int parent, const char *name, const std::vector<std::string> &names) {
  if (names.empty()) return {};
  sys::Fd fd(openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return sys::errno_status();
  for (const std::string &each : names) {
    if (unlinkat(fd.get(), each.c_str(), 0) != 0 && errno != ENOENT) return sys::errno_status();
  }
  return {};
}

// An empty opaque directory takes the place of one that shows nothing, so that rename(2) may replace it.
Status empty_directory(int upper, const char *name, Work &work) {
  Result<std::vector<std::string>> whiteouts = whiteouts_in(upper, name);
  if (!whiteouts.ok()) return whiteouts.status();
  if (whiteouts->empty()) return {};
  struct stat info {};
  if (fstatat(upper, name, &info, AT_SYMLINK_NOFOLLOW) != 0) return sys::errno_status();
  std::string temporary = work.new_name();
  int at = work.directory();
  if (mkdirat(at, temporary.c_str(), S_IRWXU) != 0) return sys::errno_status();
  Status status = set_opaque(at, temporary.c_str());
  sys::Fd fd(openat(at, temporary.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (status.ok()) status = fd ? copy_ownership(info, fd.get()) : sys::errno_status();
  if (status.ok()) status = copy_times(info, fd.get());
  if (status.ok()) status = done(renameat2(at, temporary.c_str(), upper, name, RENAME_EXCHANGE));
  if (status.ok()) (void)unlink_all(at, temporary.c_str(), *whiteouts);
  (void)unlinkat(at, temporary.c_str(), AT_REMOVEDIR);
  return status;
}

}  // namespace

Result<struct stat> make_name(const MergedDir &directory, const char *name, Work &work, const Make &make,
                              Made what) {
  struct stat made {};
  auto stat_made = [&]() -> Result<struct stat> {
    if (fstatat(directory.upper, name, &made, AT_SYMLINK_NOFOLLOW) != 0) return sys::errno_status();
    return made;
  };
  if (directory.base < 0) {
    if (make(directory.upper, name) != 0) return sys::errno_status();
    return stat_made();
  }
  Result<Standing> standing = in_upper(directory.upper, name);
  if (!standing.ok()) return standing.status();
  if (*standing == Standing::whiteout) {
    Status status = replace_whiteout(directory, name, work, make, what);
    if (!status.ok()) return status;
    return stat_made();
  }
  if (*standing != Standing::nothing) return Status::failure(EEXIST);
  struct stat below {};
  bool in_base = fstatat(directory.base, name, &below, AT_SYMLINK_NOFOLLOW) == 0;
  if (in_base && !is_whiteout(below)) return Status::failure(EEXIST);
  if (make(directory.upper, name) != 0) return sys::errno_status();
  Result<struct stat> info = stat_made();
  if (!info.ok() || !S_ISDIR(made.st_mode)) return info;
  // The base has nothing of that name now; should it get something, it does not become part of this.
  Status status;
  {
    Opened opened(directory.upper, name, made);
    status = set_opaque(directory.upper, name);
  }
  if (status.ok()) return info;
  (void)unlinkat(directory.upper, name, AT_REMOVEDIR);
  return status;
}

Status remove_file(const MergedDir &directory, const char *name, bool upper, Work &work) {
  if (!upper) return work.make_whiteout(directory.upper, name);
  if (!base_has(directory, name)) return done(unlinkat(directory.upper, name, 0));
  return swap_with_whiteout(directory.upper, name, work, false).status();
}

Status remove_directory(const MergedDir &directory, const char *name, Work &work) {
  Result<Standing> standing = in_upper(directory.upper, name);
  if (!standing.ok()) return standing.status();
  if (*standing == Standing::nothing) return work.make_whiteout(directory.upper, name);
  Result<std::vector<std::string>> whiteouts = whiteouts_in(directory.upper, name);
  if (!whiteouts.ok()) return whiteouts.status();
  if (!base_has(directory, name)) {
    Status status = unlink_all(directory.upper, name, *whiteouts);
    return status.ok() ? done(unlinkat(directory.upper, name, AT_REMOVEDIR)) : status;
  }
  Result<std::string> old = swap_with_whiteout(directory.upper, name, work, true);
  if (!old.ok()) return old.status();
  (void)unlink_all(work.directory(), old->c_str(), *whiteouts);
  (void)unlinkat(work.directory(), old->c_str(), AT_REMOVEDIR);
  return {};
}

Status rename_name(const MergedDir &from, const char *name, const MergedDir &to, const char *new_name,
                   unsigned flags, Work &work) {
  Result<Standing> source = in_upper(from.upper, name);
  if (!source.ok()) return source.status();
  Result<Standing> target = in_upper(to.upper, new_name);
  if (!target.ok()) return target.status();
  bool moves_directory = *source == Standing::directory;
  if (moves_directory && to.base >= 0) {
    if (Status status = set_opaque(from.upper, name); !status.ok()) return status;
  }
  if (flags & RENAME_EXCHANGE) {
    if (*target == Standing::directory && from.base >= 0) {
      if (Status status = set_opaque(to.upper, new_name); !status.ok()) return status;
    }
    return done(renameat2(from.upper, name, to.upper, new_name, RENAME_EXCHANGE));
  }
  bool covers = base_has(from, name);
  if (moves_directory && *target == Standing::whiteout) {
    // rename(2) puts no directory in a file's place. The whiteout is left at the old name, where it is wanted or
    // covers nothing.
    if (renameat2(from.upper, name, to.upper, new_name, RENAME_EXCHANGE) != 0) return sys::errno_status();
    return covers ? Status() : done(unlinkat(from.upper, name, 0));
  }
  if (moves_directory && *target == Standing::directory) {
    if (Status status = empty_directory(to.upper, new_name, work); !status.ok()) return status;
  }
  return done(renameat2(from.upper, name, to.upper, new_name, covers ? RENAME_WHITEOUT : 0));
}

Status close_off(int upper_parent, const char *name) {
  if (Status status = set_opaque(upper_parent, name); !status.ok()) return status;
  sys::Fd fd(openat(upper_parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return sys::errno_status();
  std::vector<std::string> whiteouts;
  Status status = sys::read_directory(fd.get(), [&](const sys::RawEntry &entry) {
    Result<Standing> standing = in_upper(fd.get(), entry.name.data());
    if (standing.ok() && *standing == Standing::whiteout) whiteouts.emplace_back(entry.name);
  });
  if (!status.ok()) return status;
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) return sys::errno_status();
  status = unlink_all(upper_parent, name, whiteouts);
  return status.ok() ? copy_times(info, fd.get()) : status;
}

}  // namespace agentfense::delta
