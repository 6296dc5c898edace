// JSON, written piece by piece.
//
// A byte of a name that is no part of valid UTF-8 is written as \udcXX, the lone surrogate U+DC00 + byte: nothing is
// lost, and Python's os.fsencode(json.loads(...)) gives the bytes back. Control characters and U+007F are escaped.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace agentfense::cli {

// With its quotes.
[[nodiscard]] std::string json_string(std::string_view bytes);

// An object on one line, as `{"key": value, ...}`; nested ones are added as text.
class JsonObject {
 public:
  void add(std::string_view key, std::string_view value) { add_text(key, json_string(value)); }
  void add(std::string_view key, const char *value) { add(key, std::string_view(value)); }
  void add(std::string_view key, bool value) { add_text(key, value ? "true" : "false"); }
  void add(std::string_view key, int64_t value) { add_text(key, std::to_string(value)); }
  void add(std::string_view key, uint64_t value) { add_text(key, std::to_string(value)); }
  // json: a value, written already.
  void add_text(std::string_view key, std::string_view json);
  [[nodiscard]] std::string text() const { return "{" + text_ + "}"; }

 private:
  std::string text_;
};

class JsonArray {
 public:
  // Elements stand on lines of their own, indented by so many spaces. REQUIRES: indent >= 2.
  explicit JsonArray(size_t indent) : indent_(indent) {}
  void add_text(std::string_view json);
  [[nodiscard]] std::string text() const;

 private:
  size_t indent_;
  std::string text_;
};

}  // namespace agentfense::cli
