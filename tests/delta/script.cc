#include "tests/delta/script.h"

#include <cstdlib>
#include <sstream>

namespace agentfense::testing {
namespace {

std::string unescape(std::string_view word) {
  std::string result;
  for (size_t i = 0; i < word.size(); ++i) {
    if (word[i] == '%' && i + 2 < word.size()) {
      result += static_cast<char>(std::strtol(std::string(word.substr(i + 1, 2)).c_str(), nullptr, 16));
      i += 2;
    } else {
      result += word[i];
    }
  }
  return result;
}

}  // namespace

std::string escape(std::string_view word) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string result;
  for (const char c : word) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f || c == '%') {
      result += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    } else {
      result += c;
    }
  }
  return result;
}

std::string to_text(const Op &op) {
  std::string text = op.user != 0 ? "@" + std::to_string(op.user) + " " : "";
  for (const std::string &word : op.words) text += (&word == op.words.data() ? "" : " ") + escape(word);
  return text;
}

Op from_text(std::string_view line) {
  Op op;
  std::istringstream words{std::string(line)};
  for (std::string word; words >> word;) {
    if (op.words.empty() && word[0] == '@') {
      op.user = static_cast<uid_t>(std::stoul(word.substr(1)));
    } else {
      op.words.push_back(unescape(word));
    }
  }
  return op;
}

}  // namespace agentfense::testing
