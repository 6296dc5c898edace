// Content: the bytes of one regular file or symlink of a layer, for a patch.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "mounthelper/sys/fd.h"
#include "mounthelper/sys/status.h"

namespace agentfense::delta {

class Content {
 public:
  // No bytes.
  Content() = default;
  // path: relative to root, following no symlink. EBUSY where it is another type of file by now.
  [[nodiscard]] static sys::Result<Content> open(int root, const std::string &path, const struct stat &info);

  [[nodiscard]] uint64_t size() const { return size_; }
  // Exactly size() bytes, in pieces. EBUSY where the file became shorter. May be called again.
  [[nodiscard]] sys::Status each_piece(const std::function<void(std::string_view)> &piece) const;
  [[nodiscard]] sys::Result<std::string> read_all() const;

 private:
  uint64_t size_ = 0;
  sys::Fd file_;
  std::string target_;  // of a symlink
};

}  // namespace agentfense::delta
