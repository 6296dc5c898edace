#include "compiler/analysis/path_order.h"

namespace agentfense::compiler {
namespace {

unsigned rank(unsigned char b) {
  if (b == '/') return 0;
  if (b >= 'a' && b <= 'z') return b;
  return b > 0x20 && b < 0x7f ? 0x100 + b : 0x200 + b;
}

}  // namespace

bool path_less(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return a.size() < b.size();
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i]) return rank(static_cast<unsigned char>(a[i])) < rank(static_cast<unsigned char>(b[i]));
  }
  return false;
}

}  // namespace agentfense::compiler
