// Work: the delta's directory for what is not finished; what is left there by a crash is removed at the next
// opening. Threads: safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace agentfense::delta {

class Work {
 public:
  // directory: O_PATH handle, not owned, on the file system of the upper layer.
  explicit Work(int directory) : directory_(directory) {}

  [[nodiscard]] int directory() const { return directory_; }
  // A name that no other temporary of this process has.
  [[nodiscard]] std::string new_name() { return "#" + std::to_string(next_++); }

 private:
  const int directory_;
  std::atomic<uint64_t> next_{0};
};

}  // namespace agentfense::delta
