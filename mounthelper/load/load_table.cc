#include "mounthelper/load/load_table.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "mounthelper/sys/fd.h"

namespace agentfense::load {
namespace {

sys::Status refuse(int error, const std::string &path, const std::string &why) {
  return sys::Status::failure(error, "cannot use the table " + path + ": " + why);
}

std::string describe_open_error(int error) {
  switch (error) {
    case ENOENT:
      return "there is no such file; check the path, or write it with agentfense-compile build";
    case ELOOP:
      return "its path is, or passes through, a link that is not followed; name the file itself";
    case EACCES:
      return "permission is denied; make it readable to the caller";
    case ENOTDIR:
      return "a part of its path is not a directory; check the path";
    default:
      return std::string(std::strerror(error)) + "; check the path";
  }
}

const char *kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a named pipe";
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  return "a special file";
}

// Looks before it opens: opening a device or a pipe can have effects of its own.
sys::Result<sys::Fd> open_regular(const std::string &path) {
  open_how how{};
  how.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_NO_MAGICLINKS;
  sys::Fd place(static_cast<int>(syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how)));
  if (!place) return refuse(errno, path, describe_open_error(errno));
  struct stat status {};
  if (fstat(place.get(), &status) != 0) return refuse(errno, path, describe_open_error(errno));
  if (S_ISLNK(status.st_mode)) return refuse(ELOOP, path, describe_open_error(ELOOP));
  if (!S_ISREG(status.st_mode)) {
    return refuse(EINVAL, path,
                  std::string("it is ") + kind_of(status.st_mode) + ", not a file; name a .aft file");
  }
  std::string again = "/proc/self/fd/" + std::to_string(place.get());
  sys::Fd file(open(again.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!file) return refuse(errno, path, describe_open_error(errno));
  return file;
}

sys::Status check_trust(const std::string &path, const struct stat &status, uid_t caller,
                        const LoadLimits &limits) {
  if (status.st_uid != 0 && status.st_uid != caller) {
    return refuse(EPERM, path,
                  "it belongs to user " + std::to_string(status.st_uid) +
                      ", who is neither root nor the caller; make a copy of your own");
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return refuse(EPERM, path, "its group or others may write it; run chmod go-w on it");
  }
  if (status.st_size < 0 || static_cast<uint64_t>(status.st_size) > limits.max_bytes) {
    return refuse(EFBIG, path,
                  "it has " + std::to_string(status.st_size) + " bytes and at most " +
                      std::to_string(limits.max_bytes) + " are read; check that it is a table");
  }
  return {};
}

sys::Result<std::vector<std::byte>> read_whole(const std::string &path, int fd, size_t size) {
  // One byte more than promised, so that a file that grows meanwhile is noticed.
  std::vector<std::byte> bytes(size + 1);
  size_t have = 0;
  while (have < bytes.size()) {
    ssize_t got = read(fd, bytes.data() + have, bytes.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return refuse(errno, path, std::string(std::strerror(errno)) + "; check its disk");
    if (got == 0) break;
    have += static_cast<size_t>(got);
  }
  if (have != size) return refuse(EAGAIN, path, "it changed while it was read; try again when it is written");
  bytes.resize(size);
  return bytes;
}

}  // namespace

sys::Result<table::Table> load_table(const std::string &path, uid_t caller, const LoadLimits &limits,
                                     std::vector<std::byte> *bytes_kept) {
  sys::Result<sys::Fd> file = open_regular(path);
  if (!file.ok()) return file.status();
  struct stat status {};
  if (fstat(file->get(), &status) != 0) return refuse(errno, path, std::strerror(errno));
  if (sys::Status trust = check_trust(path, status, caller, limits); !trust.ok()) return trust;
  auto bytes = read_whole(path, file->get(), static_cast<size_t>(status.st_size));
  if (!bytes.ok()) return bytes.status();

  table::DecodeLimits decode_limits;
  decode_limits.max_bytes = limits.max_bytes;
  auto decoded = table::decode(*bytes, decode_limits);
  if (auto *error = std::get_if<table::DecodeError>(&decoded)) {
    return refuse(EBADMSG, path,
                  "check " + error->check + " failed: " + error->message +
                      "; write it anew with agentfense-compile build");
  }
  if (bytes_kept != nullptr) *bytes_kept = std::move(*bytes);
  return std::move(std::get<table::Table>(decoded));
}

}  // namespace agentfense::load
