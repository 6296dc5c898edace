#include "mounthelper/mount/size.h"

#include <charconv>

namespace agentfense::mount {

std::optional<uint64_t> parse_size(std::string_view text) {
  constexpr std::string_view kSuffixes = "KMGT";
  unsigned shift = 0;
  if (!text.empty() && kSuffixes.find(text.back()) != std::string_view::npos) {
    shift = 10 * (static_cast<unsigned>(kSuffixes.find(text.back())) + 1);
    text.remove_suffix(1);
  }
  uint64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number == 0) return std::nullopt;
  if (number > (uint64_t{INT64_MAX} >> shift)) return std::nullopt;
  return number << shift;
}

}  // namespace agentfense::mount
