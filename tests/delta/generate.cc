#include "tests/delta/generate.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/file.h>
#include <unistd.h>

#include "tests/delta/tree.h"

namespace agentfense::testing {
namespace {

std::string number(long value) { return std::to_string(value); }

}  // namespace

std::string Generator::name() {
  if (style_.hidden_names && below(4) == 0) return any({"hid", "x.key", "y.key", "vault"});
  // The plain names most of the time.
  return below(4) != 0 ? universe()[below(5)] : universe()[below(universe().size())];
}

std::string Generator::there(const Words &paths) { return paths[below(paths.size())]; }

// Mostly something that is there or could be made; sometimes below a file or below nothing.
std::string Generator::place(const Words &paths) {
  if (below(10) < 6) return there(paths);
  std::string path = there(paths);
  // Up to a directory, as far as one can tell.
  if (below(10) < 7) {
    const size_t slash = path.rfind('/');
    path = slash == std::string::npos ? "." : path.substr(0, slash);
  }
  return path == "." ? name() : path + "/" + name();
}

std::string Generator::mode() {
  return any({"0644", "0644", "0755", "0777", "0600", "0400", "0000", "01777", "0666"});
}

std::string Generator::offset() {
  return any({"0", "0", "0", "1", "100", "4095", "4096", "10000", "65536", "131072", "300000"});
}

std::string Generator::length() { return any({"0", "1", "5", "100", "4096", "5000", "70000", "131072"}); }

Generator::Words Generator::open_words(const Words &paths) {
  const bool reads_only = !style_.never_read_only && below(10) < 4;
  long flags = reads_only ? O_RDONLY : below(3) == 0 ? O_WRONLY : O_RDWR;
  if (below(3) == 0) flags |= O_CREAT;
  if (below(6) == 0) flags |= O_EXCL | O_CREAT;
  if (below(5) == 0 && !reads_only) flags |= O_TRUNC;
  if (below(5) == 0 && !reads_only) flags |= O_APPEND;
  if (below(8) == 0) flags |= O_NOFOLLOW;
  if (below(30) == 0) flags |= O_DIRECTORY;
  // What the kernel leaves undefined.
  if ((flags & O_CREAT) != 0) flags &= ~O_DIRECTORY;
  return {"open", slot(), place(paths), number(flags), mode()};
}

Generator::Words Generator::on_name(const Words &paths) {
  switch (below(18)) {
    case 0:
    case 1:
      return {"mkdir", place(paths), mode()};
    case 2:
    case 3:
      return {"rmdir", place(paths)};
    case 4:
    case 5:
    case 6:
      return {"unlink", place(paths)};
    case 7:
      return {"symlink", any({"a", "b", "b/a", "c/a/b", "missing"}), place(paths)};
    case 8:
    case 9:
      return {"link", there(paths), place(paths)};
    case 10:
      if (style_.refused && below(3) == 0) return {"mknod", place(paths), number(S_IFCHR | 0666)};
      return {"mknod", place(paths), number((below(2) == 0 ? S_IFREG : S_IFIFO) | 0644)};
    case 11:
      return {"rename", there(paths), there(paths), number(RENAME_EXCHANGE)};
    case 12:
      return {"rename", there(paths), place(paths), number(RENAME_NOREPLACE)};
    default:
      return {"rename", there(paths), place(paths), "0"};
  }
}

Generator::Words Generator::on_open(const Words &paths) {
  switch (below(24)) {
    case 0:
      return {"close", slot()};
    case 1:
      return {"read", slot(), length()};
    case 2:
    case 3:
      return {"pread", slot(), offset(), length()};
    case 4:
    case 5:
      return {"write", slot(), length(), seed()};
    case 6:
    case 7:
      return {"pwrite", slot(), offset(), length(), seed()};
    case 8:
      return {"seek", slot(), offset(), number(below(3) == 0 ? SEEK_END : SEEK_SET)};
    case 9:
      return {"ftruncate", slot(), offset()};
    case 10:
      return {"fallocate", slot(),
              number(below(3) == 0   ? 0
                     : below(2) == 0 ? FALLOC_FL_KEEP_SIZE
                                     : FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE),
              offset(), length()};
    case 11:
      return {below(2) == 0 ? "fsync" : "fdatasync", slot()};
    case 12:
    case 13:
      return {"fstat", slot()};
    case 14:
      return {"fchmod", slot(), mode()};
    case 15:
      return {"fchown", slot(), any({"0", "1000", "2000"}), any({"0", "1000", "2000"})};
    case 16:
      return {"futimens", slot(), past(), past()};
    case 17:
      return {"mmapwrite", slot(), offset(), length(), seed()};
    case 18:
      return {"mmapread", slot()};
    case 19:
      return {"copyrange", slot(), offset(), slot(), offset(), length()};
    case 20:
      if (below(2) == 0) return {"flock", slot(), number(any({"1", "2", "8"})[0] - '0' + LOCK_NB)};
      return {"lock", slot(), any({number(F_RDLCK), number(F_WRLCK), number(F_UNLCK)}), offset(), "100"};
    case 21:
      return {"same", slot(), there(paths)};
    case 22:
      if (style_.directory_reads) {
        if (below(2) == 0) return {"open", slot(), there(paths), number(O_RDONLY | O_DIRECTORY), "0"};
        return {"dirread", slot(), any({"1", "2", "100"})};
      }
      return {"tmpfile", slot(), there(paths), mode()};
    default:
      return {"linktmp", slot(), place(paths)};
  }
}

Generator::Words Generator::on_metadata(const Words &paths) {
  const std::string attribute = any({"user.a", "user.b", "user.base", "user.overlay.a", "user.wh"});
  switch (below(16)) {
    case 0:
    case 1:
      return {"chmod", place(paths), mode()};
    case 2:
      return {"chown", place(paths), any({"0", "1000", "2000"}), any({"0", "1000", "2000"})};
    case 3:
      return {"utimes", place(paths), past(), past()};
    case 4:
      return {"truncate", place(paths), offset()};
    case 5:
      return {"setxattr",
              place(paths),
              attribute == "user.overlay.a" && !style_.refused ? "user.c" : attribute,
              any({"0", "1", "20", "1000"}),
              seed(),
              any({"0", "0", "1", "2"})};
    case 6:
      return {"getxattr", place(paths), attribute};
    case 7:
      return {"listxattr", place(paths)};
    case 8:
      return {"removexattr", place(paths),
              attribute == "user.overlay.a" && !style_.refused ? "user.c" : attribute};
    case 9:
    case 10:
      return {"list", place(paths)};
    case 11:
      return {"readlink", place(paths)};
    case 12:
      return {"access", place(paths), any({"0", "1", "2", "4", "6"})};
    case 13:
      return {"statfs", there(paths)};
    default:
      return {"stat", place(paths), below(4) == 0 ? "1" : "0"};
  }
}

Op Generator::next(const Words &paths) {
  Op op;
  const uint64_t user = below(10);
  op.user = user < 6 ? 0 : user < 9 ? 1000 : 2000;
  const uint64_t kind = below(20);
  if (paths.size() > 250 && below(3) == 0) {
    op.words = {below(2) == 0 ? "unlink" : "rmdir", there(paths)};
  } else if (paths.size() < 40 && below(4) == 0) {
    op.words = {below(2) == 0 ? "mkdir" : "mknod", place(paths), number(S_IFREG | 0755)};
  } else if (kind < 4) {
    op.words = open_words(paths);
  } else if (kind < 9) {
    op.words = on_name(paths);
  } else if (kind < 15) {
    op.words = on_open(paths);
  } else {
    op.words = on_metadata(paths);
  }
  return op;
}

}  // namespace agentfense::testing
