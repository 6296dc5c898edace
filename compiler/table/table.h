// Table: a decoded, checked .aft, ready to walk.
//
// Made by decode() alone, so holding a Table means that every index, length and value in it was
// checked. Read by the mount helper on each lookup and by `explain`, `dump`, `verify`.
// Ownership: owns one buffer; string views point into it. Threads: immutable, share freely.
// Cost: step() is O(length of the name), whatever the number of rules; no allocation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "compiler/table/image.h"

namespace agentfense::table {

using StateId = uint32_t;

struct RuleView {
  bool is_limit;
  Level level;
  std::string_view file;
  uint32_t line;
  std::string_view text;
  std::string_view reason;
};

// What a state says of its path; see PathState.
struct StateInfo {
  Level level;
  bool visible_below;
  bool uniform_below;
  Level below;
  bool writable_child;
  uint32_t alike;
};

struct Explained {
  StateId state;
  StateInfo info;
  uint32_t rule;  // kNoRule where no rule covers the path
};

class Table;

struct DecodeError {
  std::string check;    // stable name of the check that failed, as FORMAT.md lists it
  std::string message;  // one sentence with the values that disagree
};

struct DecodeLimits {
  size_t max_bytes = size_t{256} << 20;
  // Successors that may be compared one by one to check `alike` numbers; a bound on time (FORMAT.md,
  // alike-work).
  uint64_t max_alike_work = uint64_t{1} << 30;
};

// Checks everything in FORMAT.md, then returns a Table over a private copy of `bytes`. Allocates at
// most a small constant plus bytes.size() until the digest and all counts are checked, and afterwards
// memory in proportion to bytes.size().
[[nodiscard]] std::variant<Table, DecodeError> decode(std::span<const std::byte> bytes,
                                                      const DecodeLimits &limits = {});

class Table {
 public:
  Table(Table &&) noexcept;
  Table &operator=(Table &&) noexcept;
  ~Table();

  [[nodiscard]] StateId root() const { return 0; }

  // The class of a name. REQUIRES: name is non-empty, without '/' and NUL, not "." or "..".
  [[nodiscard]] uint32_t classify(std::string_view name) const;
  // The state one component further down. REQUIRES: s < state_count(); name as for classify().
  [[nodiscard]] StateId step(StateId s, std::string_view name) const;
  [[nodiscard]] StateId step_class(StateId s, uint32_t component_class) const;
  [[nodiscard]] StateInfo info(StateId s) const;

  // Walks a whole path ("/", "/a/b") and finds the deciding rule.
  // REQUIRES: path starts with '/'; empty components are skipped.
  [[nodiscard]] Explained explain(std::string_view path) const;

  [[nodiscard]] uint32_t state_count() const;
  [[nodiscard]] uint32_t class_count() const;
  [[nodiscard]] uint32_t rule_count() const;
  [[nodiscard]] RuleView rule(uint32_t index) const;  // REQUIRES: index < rule_count()
  [[nodiscard]] std::string_view policy() const;
  [[nodiscard]] const std::array<uint8_t, 32> &source_digest() const;
  [[nodiscard]] const std::array<uint8_t, 32> &file_digest() const;  // the SHA-256 at its end
  [[nodiscard]] size_t byte_size() const;

  // The whole content again as plain data, for `dump` and the compiler's proof. Slow, allocates.
  [[nodiscard]] Image image() const;

 private:
  friend std::variant<Table, DecodeError> decode(std::span<const std::byte>, const DecodeLimits &);
  struct Layout;
  explicit Table(std::unique_ptr<Layout> layout);
  std::unique_ptr<Layout> layout_;
};

}  // namespace agentfense::table
