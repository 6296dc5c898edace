#include "mounthelper/delta/content.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "mounthelper/delta/compare.h"
#include "mounthelper/delta/paths.h"
#include "mounthelper/sys/beneath.h"

namespace agentfense::delta {

using sys::Result;
using sys::Status;

Result<Content> Content::open(int root, const std::string &path, const struct stat &info) {
  Result<sys::Fd> parent = sys::open_dir_beneath(root, parent_of(path));
  if (!parent.ok()) return parent.status();
  const char *name = name_of(path);
  Content content;
  if (S_ISLNK(info.st_mode)) {
    Result<std::string> target = read_link(parent->get(), name);
    if (!target.ok()) return target.status();
    content.target_ = std::move(*target);
    content.size_ = content.target_.size();
    return content;
  }
  content.file_.reset(openat(parent->get(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!content.file_) return sys::errno_status();
  struct stat now {};
  if (fstat(content.file_.get(), &now) != 0) return sys::errno_status();
  if (!S_ISREG(now.st_mode)) return Status::failure(EBUSY);
  content.size_ = static_cast<uint64_t>(now.st_size);
  return content;
}

Status Content::each_piece(const std::function<void(std::string_view)> &piece) const {
  if (!file_) {
    piece(target_);
    return {};
  }
  std::vector<char> buffer(std::min<uint64_t>(size_, 128 * 1024));
  for (uint64_t at = 0; at < size_;) {
    size_t want = std::min<uint64_t>(buffer.size(), size_ - at);
    ssize_t got = pread(file_.get(), buffer.data(), want, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return sys::errno_status();
    if (got == 0) return Status::failure(EBUSY);
    piece({buffer.data(), static_cast<size_t>(got)});
    at += static_cast<uint64_t>(got);
  }
  return {};
}

Result<std::string> Content::read_all() const {
  std::string bytes;
  bytes.reserve(size_);
  Status status = each_piece([&](std::string_view piece) { bytes += piece; });
  if (!status.ok()) return status;
  return bytes;
}

}  // namespace agentfense::delta
