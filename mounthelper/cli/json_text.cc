#include "mounthelper/cli/json_text.h"

#include <cstdio>

namespace agentfense::cli {
namespace {

// The length of the valid UTF-8 sequence that begins here; 0 where none does. No overlong forms, no surrogates.
size_t sequence_at(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char first = byte(0);
  if (first < 0x80) return 1;
  size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xbf) return 0;
  }
  bool good = (first != 0xe0 || byte(1) >= 0xa0) && (first != 0xed || byte(1) < 0xa0) &&
              (first != 0xf0 || byte(1) >= 0x90) && (first != 0xf4 || byte(1) < 0x90);
  return good ? length : 0;
}

std::string unicode_escape(unsigned code) {
  char text[8];
  std::snprintf(text, sizeof text, "\\u%04x", code);
  return text;
}

}  // namespace

std::string json_string(std::string_view bytes) {
  std::string text = "\"";
  while (!bytes.empty()) {
    auto byte = static_cast<unsigned char>(bytes[0]);
    size_t length = sequence_at(bytes);
    bool c1_control = length == 2 && byte == 0xc2 && static_cast<unsigned char>(bytes[1]) < 0xa0;
    if (length == 0) {
      text += unicode_escape(0xdc00 + byte);
      length = 1;
    } else if (byte == '"' || byte == '\\') {
      text += {'\\', bytes[0]};
    } else if (byte < 0x20 || byte == 0x7f) {
      text += unicode_escape(byte);
    } else if (c1_control) {
      text += unicode_escape(static_cast<unsigned char>(bytes[1]));
    } else {
      text += bytes.substr(0, length);
    }
    bytes.remove_prefix(length);
  }
  return text + '"';
}

void JsonObject::add_text(std::string_view key, std::string_view json) {
  if (!text_.empty()) text_ += ", ";
  text_.append(json_string(key)).append(": ").append(json);
}

void JsonArray::add_text(std::string_view json) {
  text_.append(text_.empty() ? "\n" : ",\n").append(indent_, ' ').append(json);
}

std::string JsonArray::text() const {
  if (text_.empty()) return "[]";
  return "[" + text_ + "\n" + std::string(indent_ - 2, ' ') + "]";
}

}  // namespace agentfense::cli
