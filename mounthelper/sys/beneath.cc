#include "mounthelper/sys/beneath.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#include <climits>
#include <string>

namespace agentfense::sys {
namespace {

constexpr int kFlags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr size_t kPiece = PATH_MAX - 1;
constexpr int kTries = 16;

int open_piece(int at, const char *path) {
  open_how how{};
  how.flags = kFlags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  int fd = -1;
  // EAGAIN: the kernel saw a rename while it checked; the answer is not decided yet.
  for (int i = 0; i < kTries; ++i) {
    fd = static_cast<int>(syscall(SYS_openat2, at, path, &how, sizeof how));
    if (fd >= 0 || errno != EAGAIN) break;
  }
  return fd;
}

// The same meaning without openat2: no component is followed, and none is "..".
int open_by_component(int at, std::string_view path) {
  Fd here;
  size_t begin = 0;
  while (begin < path.size()) {
    size_t end = path.find('/', begin);
    if (end == std::string_view::npos) end = path.size();
    std::string name(path.substr(begin, end - begin));
    int fd = openat(here ? here.get() : at, name.c_str(), kFlags);
    if (fd < 0) return -1;
    here.reset(fd);
    begin = end + 1;
  }
  return here.release();
}

// The end of the longest run of whole components, from `begin`, that one system call takes.
size_t piece_end(std::string_view path, size_t begin) {
  if (path.size() - begin <= kPiece) return path.size();
  size_t slash = path.rfind('/', begin + kPiece);
  return slash == std::string_view::npos || slash <= begin ? path.size() : slash;
}

}  // namespace

Result<Fd> open_dir_beneath(int root, std::string_view path) {
  Fd here;
  if (path.empty()) {
    here.reset(openat(root, ".", kFlags));
    if (!here) return errno_status();
    return here;
  }
  for (size_t begin = 0; begin < path.size();) {
    size_t end = piece_end(path, begin);
    std::string piece(path.substr(begin, end - begin));
    int at = here ? here.get() : root;
    int fd = open_piece(at, piece.c_str());
    if (fd < 0 && (errno == ENOSYS || errno == EPERM)) fd = open_by_component(at, piece);
    if (fd < 0) return errno_status();
    here.reset(fd);
    begin = end + 1;
  }
  return here;
}

}  // namespace agentfense::sys
