// TarWriter: a tar stream as POSIX.1-2001 has it: ustar headers, and a pax header before what they cannot hold.
//
// Of our own, as what is needed of the format fits here, while libarchive and what it is linked with would be loaded at
// each start of a helper that has a file system to serve.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <ctime>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "mounthelper/sys/status.h"

namespace agentfense::delta {

struct TarEntry {
  enum Type : char {
    file = '0',
    hard_link = '1',
    symlink = '2',
    device_c = '3',
    device_b = '4',
    directory = '5',
    fifo = '6'
  };
  Type type = file;
  std::string path;         // any bytes; of a directory with its slash
  std::string link_target;  // hard_link, symlink
  mode_t mode = 0;          // permission and set-id bits
  uid_t uid = 0;
  gid_t gid = 0;
  uint64_t size = 0;  // file
  timespec mtime{};
  dev_t device = 0;
  std::map<std::string, std::string> attributes;  // extended; name -> value
};

class TarWriter {
 public:
  // fd: open for writing, not owned.
  explicit TarWriter(int fd) : fd_(fd) {}

  // Writes the headers. Of a file, exactly size bytes of data() follow.
  [[nodiscard]] sys::Status add(const TarEntry &entry);
  [[nodiscard]] sys::Status data(std::string_view bytes);
  // The end of the file's data. REQUIRES: all of it was given.
  [[nodiscard]] sys::Status end_data();
  // The end of the stream, all written.
  [[nodiscard]] sys::Status finish();

 private:
  [[nodiscard]] sys::Status put(std::string_view bytes);
  [[nodiscard]] sys::Status pad();
  [[nodiscard]] sys::Status flush();

  const int fd_;
  std::string buffer_;
  uint64_t position_ = 0;
};

}  // namespace agentfense::delta
