#include "mounthelper/delta/copy_up.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <utility>

#include "mounthelper/delta/copy.h"
#include "mounthelper/delta/format.h"

namespace agentfense::delta {
namespace {

using sys::Result;
using sys::Status;

constexpr int kSafe = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
constexpr mode_t kOurs = S_IRUSR | S_IWUSR;

std::string own_link(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

bool is_expected(int fd, const struct stat &expected) {
  struct stat info {};
  return fstat(fd, &info) == 0 && info.st_dev == expected.st_dev && info.st_ino == expected.st_ino &&
         (info.st_mode & S_IFMT) == (expected.st_mode & S_IFMT);
}

// Open for reading, or O_PATH where there is nothing to read.
Result<sys::Fd> open_source(const CopyRequest &request) {
  mode_t type = request.expected.st_mode & S_IFMT;
  bool has_content = type == S_IFREG || type == S_IFDIR;
  sys::Fd fd(openat(request.base_directory, request.name, kSafe | (has_content ? O_RDONLY : O_PATH)));
  if (!fd) return sys::errno_status();
  if (!is_expected(fd.get(), request.expected)) return Status::failure(ESTALE);
  return fd;
}

Status copy_rest(const CopyRequest &request, int from, const struct stat &info, int to) {
  bool carries = S_ISREG(info.st_mode) || S_ISDIR(info.st_mode);
  if (carries) {
    Status status = copy_attributes(from, to, escape_attribute);
    if (!status.ok()) return status;
    if (request.number != 0) note_origin(to, request.number);
  }
  Status status = copy_ownership(info, to);
  return status.ok() ? copy_times(info, to) : status;
}

Result<sys::Fd> make_nameless(Work &work) {
  sys::Fd fd(openat(work.directory(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, kOurs));
  if (!fd) return sys::errno_status();
  return fd;
}

Result<Copy> copy_regular(Work &work, const CopyRequest &request, int from) {
  struct stat info {};
  if (fstat(from, &info) != 0) return sys::errno_status();
  Result<sys::Fd> to = make_nameless(work);
  if (!to.ok()) return to.status();
  Status status = request.keep > 0 ? copy_data(from, to->get(), request.keep) : Status();
  if (status.ok()) status = copy_rest(request, from, info, to->get());
  if (!status.ok()) return status;
  bool worth_it = request.sync && info.st_size > 0 && request.keep > 0;
  if (worth_it && fsync(to->get()) != 0) return sys::errno_status();
  if (fstat(to->get(), &info) != 0) return sys::errno_status();
  return Copy(work, std::move(*to), "", info);
}

int make_special(int directory, const char *name, const struct stat &info, int from) {
  if (S_ISLNK(info.st_mode)) {
    char target[PATH_MAX + 1];
    ssize_t length = readlinkat(from, "", target, PATH_MAX);
    if (length < 0) return -1;
    target[length] = '\0';
    return symlinkat(target, directory, name);
  }
  if (S_ISDIR(info.st_mode)) return mkdirat(directory, name, S_IRWXU);
  if (S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode)) {
    return mknodat(directory, name, (info.st_mode & S_IFMT) | kOurs, 0);
  }
  errno = EPERM;
  return -1;
}

Result<Copy> copy_special(Work &work, const CopyRequest &request, int from) {
  struct stat info {};
  if (fstat(from, &info) != 0) return sys::errno_status();
  std::string name = work.new_name();
  if (make_special(work.directory(), name.c_str(), info, from) != 0) return sys::errno_status();
  int flags = S_ISDIR(info.st_mode) ? O_RDONLY | O_DIRECTORY : O_PATH;
  Copy copy(work, sys::Fd(openat(work.directory(), name.c_str(), flags | kSafe)), name, {});
  if (!copy.fd()) return sys::errno_status();
  Status status = copy_rest(request, from, info, copy.fd().get());
  if (!status.ok()) return status;
  if (fstat(copy.fd().get(), &info) != 0) return sys::errno_status();
  return Copy(work, std::move(copy.fd()), copy.take_temporary(), info);
}

}  // namespace

Copy::Copy(Copy &&other) noexcept
    : work_(other.work_),
      fd_(std::move(other.fd_)),
      temporary_(std::exchange(other.temporary_, {})),
      info_(other.info_) {}

Copy::~Copy() {
  if (temporary_.empty()) return;
  int flags = S_ISDIR(info_.st_mode) ? AT_REMOVEDIR : 0;
  if (unlinkat(work_->directory(), temporary_.c_str(), flags) != 0 && errno == EISDIR) {
    (void)unlinkat(work_->directory(), temporary_.c_str(), AT_REMOVEDIR);
  }
}

Status Copy::place(int upper_directory, const char *name) {
  struct stat before {};
  if (fstat(upper_directory, &before) != 0) return sys::errno_status();
  int result =
      temporary_.empty()
          ? linkat(AT_FDCWD, own_link(fd_.get()).c_str(), upper_directory, name, AT_SYMLINK_FOLLOW)
          : renameat2(work_->directory(), temporary_.c_str(), upper_directory, name, RENAME_NOREPLACE);
  if (result != 0) return sys::errno_status();
  temporary_.clear();
  return copy_times(before, upper_directory);
}

Result<Copy> copy_up(Work &work, const CopyRequest &request) {
  bool regular = S_ISREG(request.expected.st_mode);
  if (request.source >= 0) {
    return regular ? copy_regular(work, request, request.source)
                   : copy_special(work, request, request.source);
  }
  Result<sys::Fd> from = open_source(request);
  if (!from.ok()) return from.status();
  return regular ? copy_regular(work, request, from->get()) : copy_special(work, request, from->get());
}

}  // namespace agentfense::delta
