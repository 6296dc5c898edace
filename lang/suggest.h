// suggest: "did you mean" for misspelled words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace agentfense::lang {

// The candidate nearest to `word`, or empty where none is near enough to be meant.
[[nodiscard]] std::string closest(std::string_view word, const std::vector<std::string_view> &candidates);

// "; did you mean `X`?" or, where `meant` is empty, "; " and the remedy.
[[nodiscard]] std::string did_you_mean(const std::string &meant, std::string_view remedy);

}  // namespace agentfense::lang
