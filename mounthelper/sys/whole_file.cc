#include "mounthelper/sys/whole_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "mounthelper/sys/fd.h"

namespace agentfense::sys {
Status write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t wrote = write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return errno_status();
    bytes.remove_prefix(static_cast<size_t>(wrote));
  }
  return {};
}

Result<std::string> read_whole(int directory, const char *name, size_t max_bytes) {
  // Not blocking: the name may be a pipe's.
  Fd fd(openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd) return errno_status();
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) return errno_status();
  if (!S_ISREG(info.st_mode)) return Status::failure(EINVAL);
  std::string text;
  char buffer[16 * 1024];
  while (text.size() <= max_bytes) {
    ssize_t got = read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_status();
    if (got == 0) return text;
    text.append(buffer, static_cast<size_t>(got));
  }
  return Status::failure(EFBIG);
}

Status replace_whole(int directory, const char *name, std::string_view bytes, bool synced) {
  std::string fresh = std::string(name) + ".new";
  (void)unlinkat(directory, fresh.c_str(), 0);  // of a process that was killed
  Fd fd(openat(directory, fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return errno_status();
  Status status = write_all(fd.get(), bytes);
  if (status.ok() && synced && fsync(fd.get()) != 0) status = errno_status();
  if (status.ok() && renameat(directory, fresh.c_str(), directory, name) != 0) status = errno_status();
  if (!status.ok()) {
    (void)unlinkat(directory, fresh.c_str(), 0);
    return status;
  }
  return synced ? sync_directory(directory) : Status();
}

Status sync_directory(int directory) {
  Fd open(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!open) return errno_status();
  // Some file systems have nothing to sync there and say so.
  return fsync(open.get()) == 0 || errno == EINVAL ? Status() : errno_status();
}

}  // namespace agentfense::sys
