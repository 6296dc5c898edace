#include "mounthelper/delta/journal.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "compiler/table/digest.h"
#include "mounthelper/sys/whole_file.h"
#include "mounthelper/view/reserved_names.h"

namespace agentfense::delta {
namespace {

using sys::Result;
using sys::Status;

constexpr const char *kName = "journal";
constexpr size_t kMaxSize = size_t{1} << 30;

Status refuse(const std::string &why) {
  return Status::failure(EBADMSG,
                         "the delta's meta/journal is not one of an apply that can be finished: " + why +
                             "; nothing was done; to plan anew, look at it and remove it, and the files " +
                             std::string(view::kReservedPrefix) + "* from the base");
}

}  // namespace

FileMark mark_of(const struct stat &info) {
  return {info.st_ino, info.st_mode, info.st_size, info.st_mtim, info.st_ctim};
}

bool is_still(const FileMark &mark, const struct stat &now) {
  if (mark.ino != now.st_ino || (mark.mode & S_IFMT) != (now.st_mode & S_IFMT)) return false;
  if (S_ISDIR(now.st_mode)) return true;
  return mark.size == now.st_size && mark.mtime.tv_sec == now.st_mtim.tv_sec &&
         mark.mtime.tv_nsec == now.st_mtim.tv_nsec;
}

bool is_untouched(const FileMark &mark, const struct stat &now) {
  if (!is_still(mark, now) || S_ISDIR(now.st_mode)) return is_still(mark, now);
  return mark.mode == now.st_mode && mark.ctime.tv_sec == now.st_ctim.tv_sec &&
         mark.ctime.tv_nsec == now.st_ctim.tv_nsec;
}

Result<Journal> new_journal() {
  std::array<uint8_t, 8> bytes{};
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    return Status::failure(EIO, "cannot get random bytes from the kernel; try again");
  }
  Journal journal;
  journal.token = table::to_hex(bytes);
  return journal;
}

std::string temporary_name(const Journal &journal, size_t index) {
  return std::string(view::kReservedPrefix) + journal.token + "-" + std::to_string(index);
}

Status write_journal(int meta, const Journal &journal) {
  Status status = sys::replace_whole(meta, kName, encode(journal), /*synced=*/true);
  if (status.ok()) return status;
  return Status::failure(status.error(), std::string("cannot write the delta's meta/journal: ") +
                                             std::strerror(status.error()) +
                                             "; make room, or check its disk");
}

bool has_journal(int meta) {
  struct stat info {};
  return fstatat(meta, kName, &info, AT_SYMLINK_NOFOLLOW) == 0;
}

Status unsettled() {
  return Status::failure(
      EBUSY,
      "an apply or a discard of it was cut short; to finish it first, run mount.agentfense "
      "delta apply or discard again");
}

Result<std::optional<Journal>> read_journal(int meta) {
  std::optional<Journal> none;
  struct stat info {};
  if (fstatat(meta, kName, &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return none;
    return refuse(std::strerror(errno));
  }
  if (!S_ISREG(info.st_mode)) return refuse("it is no file");
  if (info.st_uid != 0 && info.st_uid != geteuid()) return refuse("it belongs to another user");
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) return refuse("others than its owner may write it");
  Result<std::string> text = sys::read_whole(meta, kName, kMaxSize);
  if (!text.ok()) return refuse(std::strerror(text.error()));
  Result<Journal> journal = decode_journal(*text);
  if (!journal.ok()) return refuse(journal.status().message());
  return std::optional(std::move(*journal));
}

Status remove_journal(int meta) {
  if (unlinkat(meta, kName, 0) != 0 && errno != ENOENT) return sys::errno_status();
  return sys::sync_directory(meta);
}

}  // namespace agentfense::delta
