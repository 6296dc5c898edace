#include "lang/path_pattern.h"

namespace agentfense::lang {

ByteSet ByteSet::any() {
  ByteSet set;
  set.words.fill(~uint64_t{0});
  set.words[0] &= ~(uint64_t{1} << '\0') & ~(uint64_t{1} << '/');
  return set;
}

ByteSet ByteSet::single(unsigned char b) {
  ByteSet set;
  set.add(b);
  return set;
}

}  // namespace agentfense::lang
