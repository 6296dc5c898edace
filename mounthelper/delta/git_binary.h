// GitLiteral: one `literal` part of git's binary patches: deflated, in base 85, 52 bytes a line.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace agentfense::delta {

class GitLiteral {
 public:
  using Sink = std::function<void(std::string_view)>;

  // Writes the line that says the size. REQUIRES: sink outlives this.
  GitLiteral(uint64_t size, const Sink &sink);
  ~GitLiteral();
  GitLiteral(const GitLiteral &) = delete;
  GitLiteral &operator=(const GitLiteral &) = delete;

  // REQUIRES: as many bytes in all as the size says.
  void add(std::string_view bytes);
  // Writes the rest and the empty line that ends the part.
  void finish();

 private:
  struct Stream;
  void deflate_pending(bool last);
  void write_line(std::string_view bytes);

  const Sink &sink_;
  std::unique_ptr<Stream> stream_;
  std::string packed_;  // deflated, not written yet
};

}  // namespace agentfense::delta
