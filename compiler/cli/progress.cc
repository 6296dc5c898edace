#include "compiler/cli/progress.h"

#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string_view>

#include "lang/print_diagnostics.h"

namespace agentfense::compiler::cli {
namespace {

using namespace std::chrono_literals;

std::string grouped(uint64_t n) {
  std::string out = std::to_string(n);
  for (size_t at = out.size(); at > 3;) out.insert(at -= 3, ",");
  return out;
}

// A terminal that knows how to erase a line.
bool can_draw() {
  const char *term = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) != 0 && term != nullptr && std::string_view(term) != "dumb";
}

}  // namespace

Progress::Progress(const std::string &what)
    : on_(can_draw()), what_(lang::escape_bytes(what)), next_(std::chrono::steady_clock::now() + 500ms) {}

void Progress::look(uint64_t count, uint64_t total) {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  next_ = now + 100ms;
  shown_ = true;
  // Line wrap is off while the line is drawn: a line of two rows cannot be erased by one command.
  std::cerr << "\r\x1b[K\x1b[?7l" << grouped(count);
  if (total > 0) std::cerr << " of " << grouped(total);
  std::cerr << " " << what_ << "\x1b[?7h" << std::flush;
}

void Progress::erase() {
  if (!shown_) return;
  shown_ = false;
  std::cerr << "\r\x1b[K" << std::flush;
}

}  // namespace agentfense::compiler::cli
