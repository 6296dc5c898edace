#include "lang/file_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace agentfense::lang {
namespace {

ReadResult failure(int error) {
  ReadResult result;
  result.status =
      error == ENOENT || error == ENOTDIR ? ReadResult::Status::missing : ReadResult::Status::failed;
  result.reason = std::strerror(error);
  return result;
}

class Descriptor {
 public:
  Descriptor(int fd, bool owned) : fd_(fd), owned_(owned) {}
  Descriptor(const Descriptor &) = delete;
  Descriptor &operator=(const Descriptor &) = delete;
  ~Descriptor() {
    if (owned_ && fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
  bool owned_;
};

}  // namespace

ReadResult DiskReader::read(const std::string &path, size_t max_bytes) {
  bool standard_input = path == "-";
  // O_NONBLOCK: opening a FIFO must not wait for its writer.
  Descriptor file(
      standard_input ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK),
      !standard_input);
  if (file.get() < 0) return failure(errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return failure(errno);
  ReadResult result;
  if (!standard_input && !S_ISREG(status.st_mode)) {
    result.reason = S_ISDIR(status.st_mode) ? "it is a directory" : "it is no regular file";
    return result;
  }
  char buffer[1 << 16];
  while (true) {
    ssize_t got = ::read(file.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failure(errno);
    if (got == 0) break;
    result.text.append(buffer, static_cast<size_t>(got));
    if (result.text.size() > max_bytes) {
      result.text.clear();
      result.status = ReadResult::Status::too_large;
      return result;
    }
  }
  result.status = ReadResult::Status::ok;
  return result;
}

}  // namespace agentfense::lang
