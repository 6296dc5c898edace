#include "mounthelper/sys/read_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "mounthelper/sys/fd.h"

namespace agentfense::sys {

Status read_directory(int fd, const std::function<void(const RawEntry &)> &each) {
  alignas(dirent64) char buffer[32 * 1024];
  for (;;) {
    long got = syscall(SYS_getdents64, fd, buffer, sizeof buffer);
    if (got < 0) return errno_status();
    if (got == 0) return {};
    for (long at = 0; at < got;) {
      const auto *entry = reinterpret_cast<const dirent64 *>(buffer + at);
      at += entry->d_reclen;
      std::string_view name(entry->d_name);
      if (name == "." || name == "..") continue;
      each({name, entry->d_ino, entry->d_type});
    }
  }
}

Result<std::vector<std::string>> names_in(int directory) {
  Fd readable(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!readable) return errno_status();
  std::vector<std::string> names;
  Status status =
      read_directory(readable.get(), [&](const RawEntry &entry) { names.emplace_back(entry.name); });
  if (!status.ok()) return status;
  return names;
}

}  // namespace agentfense::sys
