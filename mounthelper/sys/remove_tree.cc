#include "mounthelper/sys/remove_tree.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "mounthelper/sys/attributes.h"
#include "mounthelper/sys/fd.h"
#include "mounthelper/sys/read_directory.h"

namespace agentfense::sys {
namespace {

constexpr int kFlags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

// A subdirectory on the same mount; EXDEV for what is mounted there.
Result<Fd> open_subdirectory(int directory, const char *name) {
  open_how how{};
  how.flags = kFlags;
  how.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  Fd fd(static_cast<int>(syscall(SYS_openat2, directory, name, &how, sizeof how)));
  if (fd) return fd;
  if (errno != ENOSYS && errno != EPERM) return errno_status();
  fd.reset(openat(directory, name, kFlags));
  struct stat above {
  }, here{};
  if (!fd || fstat(directory, &above) != 0 || fstat(fd.get(), &here) != 0) return errno_status();
  if (above.st_dev != here.st_dev) return Status::failure(EXDEV);
  return fd;
}

// The owner's bits, which emptying and moving a directory take.
void make_usable(int directory) {
  struct stat info {};
  if (fstat(directory, &info) == 0 && (info.st_mode & 0700) != 0700) (void)change_mode(directory, 0700);
}

class Remover {
 public:
  explicit Remover(int top) : top_(top) {}

  Status remove(std::string name) {
    waiting_.push_back(std::move(name));
    while (!waiting_.empty()) {
      std::string next = std::move(waiting_.back());
      waiting_.pop_back();
      if (Status status = remove_one(next.c_str()); !status.ok()) return status;
    }
    return {};
  }

 private:
  static bool is_gone(int directory, const char *name) {
    return unlinkat(directory, name, 0) == 0 || errno == ENOENT;
  }
  // What unlink(2) says of a directory.
  static bool may_be_directory() { return errno == EISDIR || errno == EPERM; }

  Status remove_one(const char *name) {
    if (is_gone(top_, name)) return {};
    int error = errno;
    if (!may_be_directory()) return errno_status();
    Result<Fd> directory = open_subdirectory(top_, name);
    if (!directory.ok()) return directory.error() == ENOTDIR ? Status::failure(error) : directory.status();
    make_usable(directory->get());
    Result<std::vector<std::string>> names = names_in(directory->get());
    if (!names.ok()) return names.status();
    for (const std::string &inner : *names) {
      if (Status status = take_out(directory->get(), inner.c_str()); !status.ok()) return status;
    }
    return unlinkat(top_, name, AT_REMOVEDIR) == 0 ? Status() : errno_status();
  }

  // Deletes it, or moves it up to wait for its turn.
  Status take_out(int directory, const char *name) {
    if (is_gone(directory, name)) return {};
    int error = errno;
    if (!may_be_directory()) return errno_status();
    if (unlinkat(directory, name, AT_REMOVEDIR) == 0) return {};
    if (errno == ENOTDIR) return Status::failure(error);
    Result<Fd> inner = open_subdirectory(directory, name);
    if (!inner.ok()) return inner.status();
    make_usable(inner->get());
    for (;;) {
      std::string moved = "#removed." + std::to_string(number_++);
      if (renameat2(directory, name, top_, moved.c_str(), RENAME_NOREPLACE) == 0) {
        waiting_.push_back(std::move(moved));
        return {};
      }
      if (errno != EEXIST) return errno_status();
    }
  }

  const int top_;
  unsigned long number_ = 0;
  std::vector<std::string> waiting_;
};

}  // namespace

Status remove_contents(int directory) {
  Result<std::vector<std::string>> names = names_in(directory);
  if (!names.ok()) return names.status();
  Remover remover(directory);
  for (std::string &name : *names) {
    if (Status status = remover.remove(std::move(name)); !status.ok()) return status;
  }
  return {};
}

Status remove_tree(int directory, const char *name) { return Remover(directory).remove(name); }

}  // namespace agentfense::sys
