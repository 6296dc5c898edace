// Progress: one line on stderr that says how far long work is. Drawn on a terminal alone; elsewhere
// every call does nothing.
//
//   Progress progress("files of src");
//   for (...) progress.at(++seen);   // "12,345 files of src"
//
// Ownership: the object owns the line and erases it when it ends; nothing else may write to stderr while
// it is shown (call erase() before). Threads: one.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace agentfense::compiler::cli {

class Progress {
 public:
  // `what` is shown after the count, with bytes that could steer a terminal escaped.
  explicit Progress(const std::string &what);
  Progress(const Progress &) = delete;
  Progress &operator=(const Progress &) = delete;
  ~Progress() { erase(); }

  // Cheap enough for every step of a loop, one look at the clock where there is a terminal. Draws at
  // most ten times a second, the first time after half a second. `total` 0: it is not known.
  void at(uint64_t count, uint64_t total = 0) {
    if (on_) look(count, total);
  }
  void erase();

 private:
  void look(uint64_t count, uint64_t total);

  bool on_;
  bool shown_ = false;
  std::string what_;
  std::chrono::steady_clock::time_point next_;
};

}  // namespace agentfense::compiler::cli
