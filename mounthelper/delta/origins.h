// Origins: what each base file was when the delta took its path over.
//
// `apply` compares it with what the base has by then; `status` finds by it where a moved file came from.
// Format: FORMAT.md, meta/origins.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "mounthelper/sys/fd.h"
#include "mounthelper/sys/status.h"

namespace agentfense::delta {

inline constexpr const char *kOriginsName = "origins";  // in meta

struct Origin {
  uint64_t ino = 0;
  mode_t mode = 0;  // with the type
  uid_t uid = 0;
  gid_t gid = 0;
  off_t size = 0;
  timespec mtime{};
  timespec ctime{};
};

[[nodiscard]] Origin origin_from(const struct stat &info);
// Whether the base file is still what it was. A directory: type, mode and owner alone, as its times and its
// ctime change with its entries. Other files: everything. An id that one of two user namespaces does not know is
// equal to any; of a file whose owner changed, ctime tells.
[[nodiscard]] bool same_as(const Origin &origin, const struct stat &now);

// Appends. Threads: one at a time; one write(2) a line.
class OriginLog {
 public:
  [[nodiscard]] static sys::Result<OriginLog> open(int meta);
  // One that takes no line (EROFS), for a delta that is only shown.
  [[nodiscard]] static OriginLog closed() { return OriginLog(sys::Fd()); }
  // path: relative, no leading slash; "" is the root.
  [[nodiscard]] sys::Status record(std::string_view path, const struct stat &base_file) const;

 private:
  explicit OriginLog(sys::Fd fd) : fd_(std::move(fd)) {}
  sys::Fd fd_;
};

// By path, "" the root. An absent log is an empty map.
using Origins = std::unordered_map<std::string, Origin>;
[[nodiscard]] sys::Result<Origins> read_origins(int meta);
// Replaces the log as a whole: a new file, renamed; with `synced` it is on the disk upon return.
[[nodiscard]] sys::Status write_origins(int meta, const Origins &origins, bool synced = true);

// The %XX form of paths in meta.
[[nodiscard]] std::string escape_path(std::string_view path);
[[nodiscard]] std::string unescape_path(std::string_view text);

}  // namespace agentfense::delta
