#include "mounthelper/sys/read_directory.h"

#include <dirent.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

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

}  // namespace agentfense::sys
