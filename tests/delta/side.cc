#include "tests/delta/side.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csetjmp>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "tests/delta/content.h"

namespace agentfense::testing {
namespace {

// The words of one operation on one side.
struct Call {
  Side &side;
  const std::vector<std::string> &words;

  [[nodiscard]] const char *text(size_t i) const { return words.at(i).c_str(); }
  [[nodiscard]] long number(size_t i) const { return std::strtol(text(i), nullptr, 0); }
  [[nodiscard]] int &slot(size_t i) const { return side.slots.at(static_cast<size_t>(number(i))); }
  [[nodiscard]] int root() const { return side.root_fd; }
  // Only for the calls that have no *at() form.
  [[nodiscard]] std::string full(size_t i) const { return side.root + "/" + words.at(i); }
  [[nodiscard]] std::string pattern(size_t length, size_t seed) const {
    return content(static_cast<size_t>(number(length)), static_cast<uint64_t>(number(seed)));
  }
};

std::string answer(long result) { return result < 0 ? error_name(errno) : std::to_string(result); }
std::string done(long result) { return result < 0 ? error_name(errno) : "ok"; }

std::string bytes_answer(ssize_t count, const std::string &bytes) {
  if (count < 0) return error_name(errno);
  return std::to_string(count) + " bytes " + hash_text({bytes.data(), static_cast<size_t>(count)});
}

std::string keep(int &slot, int fd) {
  if (fd < 0) return error_name(errno);
  if (slot >= 0) close(slot);
  slot = fd;
  return "ok";
}

// A slot that may hold a FIFO is never waited for.
std::string do_open(const Call &c) {
  const int flags = static_cast<int>(c.number(3)) | O_NONBLOCK | O_CLOEXEC;
  return keep(c.slot(1), openat(c.root(), c.text(2), flags, static_cast<mode_t>(c.number(4))));
}

std::string do_tmpfile(const Call &c) {
  return keep(c.slot(1),
              openat(c.root(), c.text(2), O_TMPFILE | O_RDWR | O_CLOEXEC, static_cast<mode_t>(c.number(3))));
}

std::string do_linktmp(const Call &c) {
  const std::string self = "/proc/self/fd/" + std::to_string(c.slot(1));
  return done(linkat(AT_FDCWD, self.c_str(), c.root(), c.text(2), AT_SYMLINK_FOLLOW));
}

std::string do_close(const Call &c) {
  const int fd = std::exchange(c.slot(1), -1);
  return done(close(fd));
}

std::string do_read(const Call &c) {
  std::string bytes(static_cast<size_t>(c.number(2)), '\0');
  return bytes_answer(read(c.slot(1), bytes.data(), bytes.size()), bytes);
}

std::string do_pread(const Call &c) {
  std::string bytes(static_cast<size_t>(c.number(3)), '\0');
  return bytes_answer(pread(c.slot(1), bytes.data(), bytes.size(), c.number(2)), bytes);
}

std::string do_write(const Call &c) {
  const std::string bytes = c.pattern(2, 3);
  return answer(write(c.slot(1), bytes.data(), bytes.size()));
}

std::string do_pwrite(const Call &c) {
  const std::string bytes = c.pattern(3, 4);
  return answer(pwrite(c.slot(1), bytes.data(), bytes.size(), c.number(2)));
}

// The end of a directory is its size, which differs.
std::string do_seek(const Call &c) {
  struct stat info {};
  if (fstat(c.slot(1), &info) == 0 && S_ISDIR(info.st_mode)) return "a directory";
  return answer(lseek(c.slot(1), c.number(2), static_cast<int>(c.number(3))));
}

std::string do_fallocate(const Call &c) {
  return done(fallocate(c.slot(1), static_cast<int>(c.number(2)), c.number(3), c.number(4)));
}

std::string do_fstat(const Call &c) {
  struct stat info {};
  if (fstat(c.slot(1), &info) != 0) return error_name(errno);
  return stat_text(info, c.side.exact);
}

std::string do_stat(const Call &c) {
  struct stat info {};
  const int flags = c.number(2) != 0 ? 0 : AT_SYMLINK_NOFOLLOW;
  if (fstatat(c.root(), c.text(1), &info, flags) != 0) return error_name(errno);
  return stat_text(info, c.side.exact);
}

// Whether what is open is what has the name: numbers, on one side alone.
std::string do_same(const Call &c) {
  struct stat open_one {};
  struct stat named {};
  if (fstat(c.slot(1), &open_one) != 0) return error_name(errno);
  if (fstatat(c.root(), c.text(2), &named, AT_SYMLINK_NOFOLLOW) != 0) return error_name(errno);
  return open_one.st_ino == named.st_ino && open_one.st_dev == named.st_dev ? "the same" : "another";
}

timespec time_of(long seconds) { return {seconds, 123'456'789}; }

std::string do_futimens(const Call &c) {
  const timespec times[2] = {time_of(c.number(2)), time_of(c.number(3))};
  return done(futimens(c.slot(1), times));
}

std::string do_utimes(const Call &c) {
  const timespec times[2] = {time_of(c.number(2)), time_of(c.number(3))};
  return done(utimensat(c.root(), c.text(1), times, AT_SYMLINK_NOFOLLOW));
}

// A page that cannot be had is an answer too.
sigjmp_buf bus_error;

void on_bus_error(int) { siglongjmp(bus_error, 1); }

template <class Use>
std::string mapped(void *place, size_t length, Use use) {
  struct sigaction action {};
  action.sa_handler = on_bus_error;
  sigaction(SIGBUS, &action, nullptr);
  std::string result = "ESIGBUS";
  if (sigsetjmp(bus_error, 1) == 0) result = use();
  munmap(place, length);
  return result;
}

std::string do_mmapwrite(const Call &c) {
  const std::string bytes = c.pattern(3, 4);
  const long offset = c.number(2);
  struct stat info {};
  if (fstat(c.slot(1), &info) != 0) return error_name(errno);
  if (!S_ISREG(info.st_mode)) return "no file";
  const auto length = static_cast<size_t>(offset) + bytes.size();
  if (info.st_size < static_cast<off_t>(length) || bytes.empty()) return "beyond the end";
  void *const place = mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED, c.slot(1), 0);
  if (place == MAP_FAILED) return error_name(errno);
  return mapped(place, length, [&] {
    std::memcpy(static_cast<char *>(place) + offset, bytes.data(), bytes.size());
    return done(msync(place, length, MS_SYNC));
  });
}

std::string do_mmapread(const Call &c) {
  struct stat info {};
  if (fstat(c.slot(1), &info) != 0) return error_name(errno);
  if (!S_ISREG(info.st_mode) || info.st_size == 0) return "nothing";
  const auto size = static_cast<size_t>(info.st_size);
  void *const place = mmap(nullptr, size, PROT_READ, MAP_SHARED, c.slot(1), 0);
  if (place == MAP_FAILED) return error_name(errno);
  return mapped(place, size, [&] { return hash_text({static_cast<const char *>(place), size}); });
}

// A call may stop early where it likes, so all of it is asked for.
std::string do_copyrange(const Call &c) {
  loff_t from = c.number(2);
  loff_t to = c.number(4);
  auto left = static_cast<size_t>(c.number(5));
  long total = 0;
  while (left > 0) {
    const ssize_t count = copy_file_range(c.slot(1), &from, c.slot(3), &to, left, 0);
    if (count < 0) return error_name(errno);
    if (count == 0) break;
    left -= static_cast<size_t>(count);
    total += count;
  }
  return std::to_string(total);
}

std::string do_lock(const Call &c) {
  struct flock lock {};
  lock.l_type = static_cast<short>(c.number(2));
  lock.l_whence = SEEK_SET;
  lock.l_start = c.number(3);
  lock.l_len = c.number(4);
  return done(fcntl(c.slot(1), F_OFD_SETLK, &lock));
}

std::string do_readlink(const Call &c) {
  char target[PATH_MAX];
  const ssize_t length = readlinkat(c.root(), c.text(1), target, sizeof target);
  return length < 0 ? error_name(errno) : escape({target, static_cast<size_t>(length)});
}

// Raw, as the kernel hands it out: a small buffer makes several rounds of it.
std::string read_entries(int fd, int rounds, bool exact) {
  struct Entry {
    uint64_t ino;
    int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[1];
  };
  alignas(8) char buffer[2048];
  std::vector<std::string> lines;
  while (rounds-- > 0) {
    const long length = syscall(SYS_getdents64, fd, buffer, sizeof buffer);
    if (length < 0) return error_name(errno);
    if (length == 0) break;
    for (long at = 0; at < length;) {
      const auto *entry = reinterpret_cast<const Entry *>(buffer + at);
      lines.push_back(escape(entry->name) + "/" + std::to_string(entry->type) +
                      (exact ? "/" + std::to_string(entry->offset) : ""));
      at += entry->length;
    }
  }
  if (!exact) std::sort(lines.begin(), lines.end());
  std::string text = std::to_string(lines.size());
  for (const std::string &line : lines) text += " " + line;
  return text;
}

std::string do_list(const Call &c) {
  const int fd = openat(c.root(), c.text(1), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return error_name(errno);
  std::string text = read_entries(fd, 1 << 20, c.side.exact);
  close(fd);
  return text;
}

std::string do_dirread(const Call &c) {
  return read_entries(c.slot(1), static_cast<int>(c.number(2)), c.side.exact);
}

std::string do_rename(const Call &c) {
  return done(renameat2(c.root(), c.text(1), c.root(), c.text(2), static_cast<unsigned>(c.number(3))));
}

std::string do_setxattr(const Call &c) {
  const std::string bytes = c.pattern(3, 4);
  return done(
      lsetxattr(c.full(1).c_str(), c.text(2), bytes.data(), bytes.size(), static_cast<int>(c.number(5))));
}

std::string do_getxattr(const Call &c) {
  std::string bytes(65536, '\0');
  return bytes_answer(lgetxattr(c.full(1).c_str(), c.text(2), bytes.data(), bytes.size()), bytes);
}

std::string do_listxattr(const Call &c) {
  std::vector<char> names(65536);
  const ssize_t length = llistxattr(c.full(1).c_str(), names.data(), names.size());
  if (length < 0) return error_name(errno);
  std::vector<std::string> sorted;
  for (ssize_t at = 0; at < length; at += static_cast<ssize_t>(sorted.back().size()) + 1) {
    sorted.emplace_back(names.data() + at);
  }
  std::sort(sorted.begin(), sorted.end());
  std::string text = "names";
  for (const std::string &name : sorted) text += " " + name;
  return text;
}

// Without what is free: that is the machine's, and goes up and down with everything else on it.
std::string do_statfs(const Call &c) {
  const int fd = openat(c.root(), c.text(1), O_PATH | O_CLOEXEC);
  if (fd < 0) return error_name(errno);
  struct statvfs info {};
  const int result = fstatvfs(fd, &info);
  close(fd);
  if (result != 0) return error_name(errno);
  return "block " + std::to_string(info.f_bsize) + " names " + std::to_string(info.f_namemax);
}

mode_t mode_at(const Call &c, size_t i) { return static_cast<mode_t>(c.number(i)); }
uid_t id_at(const Call &c, size_t i) { return static_cast<uid_t>(c.number(i)); }

using Action = std::string (*)(const Call &);

const std::map<std::string, Action> &actions() {
  static const std::map<std::string, Action> kActions = {
      {"open", do_open},
      {"tmpfile", do_tmpfile},
      {"linktmp", do_linktmp},
      {"close", do_close},
      {"read", do_read},
      {"pread", do_pread},
      {"write", do_write},
      {"pwrite", do_pwrite},
      {"seek", do_seek},
      {"fallocate", do_fallocate},
      {"fstat", do_fstat},
      {"stat", do_stat},
      {"same", do_same},
      {"futimens", do_futimens},
      {"utimes", do_utimes},
      {"mmapwrite", do_mmapwrite},
      {"mmapread", do_mmapread},
      {"copyrange", do_copyrange},
      {"lock", do_lock},
      {"readlink", do_readlink},
      {"list", do_list},
      {"dirread", do_dirread},
      {"rename", do_rename},
      {"setxattr", do_setxattr},
      {"getxattr", do_getxattr},
      {"listxattr", do_listxattr},
      {"statfs", do_statfs},
      {"removexattr", [](const Call &c) { return done(lremovexattr(c.full(1).c_str(), c.text(2))); }},
      {"ftruncate", [](const Call &c) { return done(ftruncate(c.slot(1), c.number(2))); }},
      {"truncate", [](const Call &c) { return done(truncate(c.full(1).c_str(), c.number(2))); }},
      {"fsync", [](const Call &c) { return done(fsync(c.slot(1))); }},
      {"fdatasync", [](const Call &c) { return done(fdatasync(c.slot(1))); }},
      {"fchmod", [](const Call &c) { return done(fchmod(c.slot(1), mode_at(c, 2))); }},
      {"fchown", [](const Call &c) { return done(fchown(c.slot(1), id_at(c, 2), id_at(c, 3))); }},
      {"flock", [](const Call &c) { return done(flock(c.slot(1), static_cast<int>(c.number(2)))); }},
      {"access",
       [](const Call &c) {
         return done(faccessat(c.root(), c.text(1), static_cast<int>(c.number(2)), AT_EACCESS));
       }},
      {"mkdir", [](const Call &c) { return done(mkdirat(c.root(), c.text(1), mode_at(c, 2))); }},
      {"rmdir", [](const Call &c) { return done(unlinkat(c.root(), c.text(1), AT_REMOVEDIR)); }},
      {"unlink", [](const Call &c) { return done(unlinkat(c.root(), c.text(1), 0)); }},
      {"symlink", [](const Call &c) { return done(symlinkat(c.text(1), c.root(), c.text(2))); }},
      {"link", [](const Call &c) { return done(linkat(c.root(), c.text(1), c.root(), c.text(2), 0)); }},
      // S_IFREG or S_IFIFO, or a device, which is for views alone.
      {"mknod", [](const Call &c) { return done(mknodat(c.root(), c.text(1), mode_at(c, 2), 0)); }},
      {"chmod", [](const Call &c) { return done(fchmodat(c.root(), c.text(1), mode_at(c, 2), 0)); }},
      {"chown",
       [](const Call &c) {
         return done(fchownat(c.root(), c.text(1), id_at(c, 2), id_at(c, 3), AT_SYMLINK_NOFOLLOW));
       }},
  };
  return kActions;
}

}  // namespace

std::string error_name(int error) {
  const char *const name = strerrorname_np(error);
  return name != nullptr ? name : std::to_string(error);
}

std::string stat_text(const struct stat &info, bool exact) {
  const bool directory = S_ISDIR(info.st_mode);
  std::string text = "mode ";
  char digits[16];
  std::snprintf(digits, sizeof digits, "%o", info.st_mode & ~static_cast<mode_t>(S_ISUID | S_ISGID));
  text += digits;
  text += " owner " + std::to_string(info.st_uid) + ":" + std::to_string(info.st_gid);
  // The view's directories have a constant size and one link.
  if (!directory || exact) {
    text += " size " + std::to_string(info.st_size) + " links " + std::to_string(info.st_nlink);
  }
  if (exact) {
    text += " blocks " + std::to_string(info.st_blocks) + " of " + std::to_string(info.st_blksize);
  }
  text += " rdev " + std::to_string(info.st_rdev);
  text += " mtime ";
  if (S_ISFIFO(info.st_mode)) {
    text += "of the pipe, which no file system sees written to";
  } else if (info.st_mtim.tv_sec >= kNow) {
    text += "now";
  } else {
    text += std::to_string(info.st_mtim.tv_sec) + "." + std::to_string(info.st_mtim.tv_nsec);
  }
  return text;
}

Side open_side(const std::string &root, bool exact) {
  Side side;
  side.root = root;
  side.exact = exact;
  side.slots.fill(-1);
  side.root_fd = open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (side.root_fd < 0) {
    std::perror(root.c_str());
    std::exit(2);
  }
  return side;
}

void close_side(Side &side) {
  for (int &slot : side.slots) {
    if (slot >= 0) close(slot);
    slot = -1;
  }
  close(side.root_fd);
  side.root_fd = -1;
}

std::string execute(const Op &op, Side &side) {
  const auto found = actions().find(op.words.at(0));
  if (found == actions().end()) {
    std::fprintf(stderr, "delta_ops: there is no operation %s\n", op.words[0].c_str());
    std::exit(2);
  }
  if (op.user != 0) {
    setfsgid(op.user);
    setfsuid(op.user);
  }
  std::string text = found->second({side, op.words});
  if (op.user != 0) {
    setfsuid(0);
    setfsgid(0);
  }
  return text;
}

}  // namespace agentfense::testing
