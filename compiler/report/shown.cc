#include "compiler/report/shown.h"

#include "lang/print_diagnostics.h"
#include "llvm/ADT/StringExtras.h"

namespace agentfense::compiler::report {

std::string shown(std::string_view bytes) { return lang::escape_text(bytes); }

std::string uri_of(std::string_view file_name) {
  constexpr std::string_view kPreset = "preset:";
  std::string out;
  if (file_name.starts_with(kPreset)) {
    out = kPreset;
    file_name.remove_prefix(kPreset.size());
  } else if (file_name.starts_with('/')) {
    out = "file://";
  }
  while (file_name.starts_with("./")) file_name.remove_prefix(2);
  for (const char c : file_name) {
    const bool plain = llvm::isAlnum(c) || c == '-' || c == '.' || c == '_' || c == '~' || c == '/';
    if (plain) {
      out += c;
    } else {
      const auto b = static_cast<unsigned char>(c);
      out += '%';
      out += llvm::hexdigit(b >> 4);
      out += llvm::hexdigit(b & 15);
    }
  }
  return out;
}

}  // namespace agentfense::compiler::report
