// FileReader: where policy text comes from. Narrow, so that tests answer from memory.
//
// Made by the caller of load_policy(); read by lang/load_policy.cc. Threads: one thread at a time.
#pragma once

#include <cstddef>
#include <string>

namespace agentfense::lang {

struct ReadResult {
  enum class Status { ok, missing, too_large, failed };
  Status status = Status::failed;
  std::string text;    // where ok
  std::string reason;  // where failed: "Permission denied"
};

class FileReader {
 public:
  virtual ~FileReader() = default;
  // The whole of `path` ("-": standard input), or too_large once more than `max_bytes` were seen.
  [[nodiscard]] virtual ReadResult read(const std::string &path, size_t max_bytes) = 0;
};

// The real thing. Refuses what is no regular file, except for standard input.
class DiskReader final : public FileReader {
 public:
  [[nodiscard]] ReadResult read(const std::string &path, size_t max_bytes) override;
};

}  // namespace agentfense::lang
