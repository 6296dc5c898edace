#include "mounthelper/delta/origins.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <limits>
#include <optional>

#include "mounthelper/sys/whole_file.h"

namespace agentfense::delta {
namespace {

using sys::Result;
using sys::Status;

constexpr const char *kName = kOriginsName;

std::string line_of(std::string_view path, const Origin &origin) {
  char numbers[256];
  int length =
      snprintf(numbers, sizeof numbers, "%llu %o %u %u %lld %lld.%09ld %lld.%09ld ",
               static_cast<unsigned long long>(origin.ino), origin.mode, origin.uid, origin.gid,
               static_cast<long long>(origin.size), static_cast<long long>(origin.mtime.tv_sec),
               origin.mtime.tv_nsec, static_cast<long long>(origin.ctime.tv_sec), origin.ctime.tv_nsec);
  std::string line(numbers, static_cast<size_t>(length));
  line += path.empty() ? "." : escape_path(path);
  line += '\n';
  return line;
}

// The fields of one line, each ended by a space; the last is the rest.
class Fields {
 public:
  explicit Fields(std::string_view line) : rest_(line) {}

  template <class Number>
  bool number(Number &value, int base = 10) {
    auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value, base);
    if (error != std::errc()) return false;
    rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
    return true;
  }
  bool mark(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool time(timespec &value) {
    return number(value.tv_sec) && mark('.') && number(value.tv_nsec) && mark(' ');
  }
  [[nodiscard]] std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

std::optional<std::pair<std::string, Origin>> parse(std::string_view line) {
  Fields fields(line);
  Origin origin;
  bool good = fields.number(origin.ino) && fields.mark(' ') && fields.number(origin.mode, 8) &&
              fields.mark(' ') && fields.number(origin.uid) && fields.mark(' ') &&
              fields.number(origin.gid) && fields.mark(' ') && fields.number(origin.size) &&
              fields.mark(' ') && fields.time(origin.mtime) && fields.time(origin.ctime) &&
              !fields.rest().empty();
  if (!good) return std::nullopt;
  return std::pair(fields.rest() == "." ? std::string() : unescape_path(fields.rest()), origin);
}

// What a user namespace shows of ids that it does not know (kernel.overflowuid). `run` by an ordinary user is in one.
constexpr unsigned kUnknownId = 65534;

bool same_id(unsigned noted, unsigned now) {
  return noted == now || noted == kUnknownId || now == kUnknownId;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

}  // namespace

Origin origin_from(const struct stat &info) {
  return {info.st_ino, info.st_mode, info.st_uid, info.st_gid, info.st_size, info.st_mtim, info.st_ctim};
}

bool same_as(const Origin &origin, const struct stat &now) {
  if (origin.mode != now.st_mode || !same_id(origin.uid, now.st_uid) || !same_id(origin.gid, now.st_gid)) {
    return false;
  }
  if (S_ISDIR(now.st_mode)) return true;
  auto same_time = [](const timespec &a, const timespec &b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
  };
  return origin.ino == now.st_ino && origin.size == now.st_size && same_time(origin.mtime, now.st_mtim) &&
         same_time(origin.ctime, now.st_ctim);
}

Result<OriginLog> OriginLog::open(int meta) {
  sys::Fd fd(openat(meta, kName, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return sys::errno_status();
  // After a torn line the next one must begin anew.
  off_t end = lseek(fd.get(), 0, SEEK_END);
  char last = '\n';
  if (end > 0 && pread(fd.get(), &last, 1, end - 1) == 1 && last != '\n') {
    if (Status status = sys::write_all(fd.get(), "\n"); !status.ok()) return status;
  }
  return OriginLog(std::move(fd));
}

Status OriginLog::record(std::string_view path, const struct stat &base_file) const {
  if (!fd_) return Status::failure(EROFS);
  off_t end = lseek(fd_.get(), 0, SEEK_END);
  Status status = sys::write_all(fd_.get(), line_of(path, origin_from(base_file)));
  // Half a line, on a full disk, would spoil the next one.
  if (!status.ok() && end >= 0) (void)!ftruncate(fd_.get(), end);
  return status;
}

Result<Origins> read_origins(int meta) {
  Origins origins;
  Result<std::string> text = sys::read_whole(meta, kName, std::numeric_limits<size_t>::max());
  if (!text.ok() && text.error() == ENOENT) return origins;
  if (!text.ok()) return text.status();
  std::string_view rest = *text;
  for (size_t end; (end = rest.find('\n')) != std::string_view::npos; rest.remove_prefix(end + 1)) {
    if (auto parsed = parse(rest.substr(0, end))) origins[std::move(parsed->first)] = parsed->second;
  }
  return origins;
}

Status write_origins(int meta, const Origins &origins, bool synced) {
  std::string text;
  for (const auto &[path, origin] : origins) text += line_of(path, origin);
  return sys::replace_whole(meta, kName, text, synced);
}

std::string escape_path(std::string_view path) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string text;
  for (char c : path) {
    unsigned char byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte != '%' && byte != 0x7f) {
      text += c;
    } else {
      text += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return text;
}

std::string unescape_path(std::string_view text) {
  std::string path;
  for (size_t i = 0; i < text.size(); ++i) {
    bool escaped =
        text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0;
    if (!escaped) {
      path += text[i];
      continue;
    }
    path += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
    i += 2;
  }
  return path;
}

}  // namespace agentfense::delta
