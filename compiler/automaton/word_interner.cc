#include "compiler/automaton/word_interner.h"

#include <algorithm>

#include "compiler/automaton/hash.h"

namespace agentfense::compiler {
namespace {

constexpr uint32_t kEmpty = 0xffffffff;

uint64_t hash_words(std::span<const uint32_t> words) {
  uint64_t h = words.size();
  for (uint32_t w : words) h = mix64(h ^ w);
  return h;
}

}  // namespace

WordInterner::WordInterner() : slots_(64, kEmpty) {}

WordInterner::Result WordInterner::intern(std::span<const uint32_t> words) {
  const uint64_t h = hash_words(words);
  const size_t mask = slots_.size() - 1;
  size_t at = h & mask;
  for (; slots_[at] != kEmpty; at = (at + 1) & mask) {
    const uint32_t id = slots_[at];
    if (hashes_[id] == h && std::ranges::equal(get(id), words)) return {id, false};
  }
  const uint32_t id = size();
  slots_[at] = id;
  pool_.insert(pool_.end(), words.begin(), words.end());
  ends_.push_back(pool_.size());
  hashes_.push_back(h);
  if (ends_.size() * 2 > slots_.size()) grow();
  return {id, true};
}

std::span<const uint32_t> WordInterner::get(uint32_t id) const {
  const size_t begin = id == 0 ? 0 : ends_[id - 1];
  return std::span<const uint32_t>(pool_).subspan(begin, ends_[id] - begin);
}

size_t WordInterner::bytes() const {
  return pool_.capacity() * sizeof(uint32_t) + ends_.capacity() * sizeof(size_t) +
         hashes_.capacity() * sizeof(uint64_t) + slots_.capacity() * sizeof(uint32_t);
}

void WordInterner::grow() {
  slots_.assign(slots_.size() * 2, kEmpty);
  const size_t mask = slots_.size() - 1;
  for (uint32_t id = 0; id < size(); ++id) {
    size_t at = hashes_[id] & mask;
    while (slots_[at] != kEmpty) at = (at + 1) & mask;
    slots_[at] = id;
  }
}

}  // namespace agentfense::compiler
