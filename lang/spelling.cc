#include "lang/spelling.h"

#include <cstring>

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/ConvertUTF.h"

namespace agentfense::lang {

bool is_bare_byte(unsigned char b) {
  return llvm::isAlnum(static_cast<char>(b)) || b >= 0x80 || (b != 0 && std::strchr("_-./!@+~%^:=]$", b));
}

bool is_glob_byte(unsigned char b) { return b != 0 && std::strchr("*?[]{}", b); }

bool is_name_byte(unsigned char b) { return llvm::isAlnum(static_cast<char>(b)) || b == '_' || b == '-'; }

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > 255 || !(llvm::isAlpha(text[0]) || text[0] == '_')) return false;
  for (char c : text) {
    if (!is_name_byte(static_cast<unsigned char>(c))) return false;
  }
  return true;
}

int hex_value(unsigned char b) {
  unsigned value = llvm::hexDigitValue(static_cast<char>(b));
  return value < 16 ? static_cast<int>(value) : -1;
}

bool is_utf8(std::string_view text) {
  const auto *begin = reinterpret_cast<const llvm::UTF8 *>(text.data());
  return llvm::isLegalUTF8String(&begin, begin + text.size());
}

void append_quoted_byte(std::string &out, unsigned char b, bool keep_high) {
  if (b == '"' || b == '\\' || b == ',' || b == '$' || is_glob_byte(b)) {
    out += '\\';
    out += static_cast<char>(b);
  } else if (b < 0x20 || b == 0x7f || (b >= 0x80 && !keep_high)) {
    out += "\\x";
    out += llvm::hexdigit(b >> 4);
    out += llvm::hexdigit(b & 15);
  } else {
    out += static_cast<char>(b);
  }
}

}  // namespace agentfense::lang
