#include "mounthelper/delta/quote_path.h"

#include <algorithm>

namespace agentfense::delta {
namespace {

// The letter that stands for the byte after a backslash; 0 where it has none.
char letter_of(char c) {
  constexpr std::string_view kBytes = "\a\b\t\n\v\f\r\"\\";
  constexpr std::string_view kLetters = "abtnvfr\"\\";
  size_t at = kBytes.find(c);
  return at == std::string_view::npos ? '\0' : kLetters[at];
}

bool is_plain(char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

}  // namespace

std::string quote_path(std::string_view path) {
  return std::all_of(path.begin(), path.end(), is_plain) ? std::string(path) : quote_always(path);
}

std::string quote_always(std::string_view path) {
  std::string text = "\"";
  for (char c : path) {
    if (is_plain(c)) {
      text += c;
      continue;
    }
    text += '\\';
    auto byte = static_cast<unsigned char>(c);
    if (char letter = letter_of(c); letter != '\0') {
      text += letter;
    } else {
      text += {static_cast<char>('0' + (byte >> 6)), static_cast<char>('0' + (byte >> 3 & 7)),
               static_cast<char>('0' + (byte & 7))};
    }
  }
  return text + '"';
}

}  // namespace agentfense::delta
