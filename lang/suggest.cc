#include "lang/suggest.h"

#include "llvm/ADT/StringRef.h"

namespace agentfense::lang {

std::string closest(std::string_view word, const std::vector<std::string_view> &candidates) {
  // A third of the word may differ; a swap of two letters counts as two edits, so short words get 2.
  unsigned limit = word.size() < 3 ? 1 : word.size() < 9 ? 2 : static_cast<unsigned>(word.size() / 3);
  std::string_view best;
  for (std::string_view candidate : candidates) {
    unsigned distance = llvm::StringRef(word).edit_distance(llvm::StringRef(candidate), true, limit);
    if (distance > limit || distance >= candidate.size()) continue;
    if (best.empty() || distance < limit) {
      best = candidate;
      limit = distance;
    }
  }
  return std::string(best);
}

std::string did_you_mean(const std::string &meant, std::string_view remedy) {
  if (!meant.empty()) return "; did you mean `" + meant + "`?";
  return "; " + std::string(remedy);
}

}  // namespace agentfense::lang
