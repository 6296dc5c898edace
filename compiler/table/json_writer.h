// JsonWriter: JSON text, one call a token. Internal to compiler/table.
//
// Commas are its business, nesting is the caller's: every open needs its close. A value inside an
// object follows key(). Threads: one object, one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace agentfense::table {

class JsonWriter {
 public:
  void open_object() { open('{'); }
  void close_object() { close('}'); }
  void open_array() { open('['); }
  void close_array() { close(']'); }
  // A new line inside the text, before the next value: for arrays that people look at.
  void new_line() { line_ = true; }

  void key(std::string_view name);
  void value(std::string_view bytes);  // a string; see dump.h for bytes that are not UTF-8
  void value(uint64_t number);
  void value(bool flag);
  void null();

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  void open(char bracket);
  void close(char bracket);
  void separate();
  void quote(std::string_view bytes);

  std::string text_;
  bool comma_ = false;  // before the next value or key
  bool line_ = false;
};

}  // namespace agentfense::table
