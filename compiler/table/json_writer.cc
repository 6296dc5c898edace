#include "compiler/table/json_writer.h"

#include "compiler/table/digest.h"
#include "compiler/table/text.h"

namespace agentfense::table {
namespace {

// The length of the well-formed UTF-8 character that `bytes` starts with, or 0.
size_t utf8_length(std::string_view bytes) {
  const auto at = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  const uint8_t lead = at(0);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || bytes.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xc0) != 0x80) return 0;
  }
  // No overlong form, no surrogate, nothing beyond U+10FFFF.
  const bool bad = (lead == 0xe0 && at(1) < 0xa0) || (lead == 0xed && at(1) > 0x9f) ||
                   (lead == 0xf0 && at(1) < 0x90) || (lead == 0xf4 && at(1) > 0x8f);
  return bad ? 0 : length;
}

}  // namespace

void JsonWriter::key(std::string_view name) {
  separate();
  quote(name);
  text_ += ": ";
  comma_ = false;
}

void JsonWriter::value(std::string_view bytes) {
  separate();
  quote(bytes);
}

void JsonWriter::value(uint64_t number) {
  separate();
  append(text_, number);
}

void JsonWriter::value(bool flag) {
  separate();
  text_ += flag ? "true" : "false";
}

void JsonWriter::null() {
  separate();
  text_ += "null";
}

void JsonWriter::open(char bracket) {
  separate();
  text_ += bracket;
  comma_ = false;
}

void JsonWriter::close(char bracket) {
  if (line_) text_ += '\n';
  line_ = false;
  text_ += bracket;
  comma_ = true;
}

void JsonWriter::separate() {
  if (comma_) text_ += line_ ? "," : ", ";
  if (line_) text_ += '\n';
  line_ = false;
  comma_ = true;
}

void JsonWriter::quote(std::string_view bytes) {
  text_ += '"';
  while (!bytes.empty()) {
    const size_t length = utf8_length(bytes);
    const auto byte = static_cast<uint8_t>(bytes.front());
    if (length == 0) {
      append(text_, "\\udc", to_hex({&byte, 1}));
    } else if (byte < 0x20 || byte == 0x7f) {
      append(text_, "\\u00", to_hex({&byte, 1}));
    } else {
      if (byte == '"' || byte == '\\') text_ += '\\';
      text_ += bytes.substr(0, length);
    }
    bytes.remove_prefix(length == 0 ? 1 : length);
  }
  text_ += '"';
}

}  // namespace agentfense::table
