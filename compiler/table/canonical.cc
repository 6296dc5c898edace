#include <algorithm>
#include <string>
#include <unordered_map>

#include "compiler/table/encode.h"
#include "compiler/table/format.h"

namespace agentfense::table {
namespace {

template <typename State, typename Exception>
void lay_out_exceptions(std::vector<State> &states, std::vector<Exception> &exceptions) {
  std::vector<Exception> laid_out;
  laid_out.reserve(exceptions.size());
  for (State &state : states) {
    const auto first = exceptions.begin() + state.row.exception_begin;
    state.row.exception_begin = static_cast<uint32_t>(laid_out.size());
    laid_out.insert(laid_out.end(), first, first + state.row.exception_count);
  }
  exceptions = std::move(laid_out);
}

void number_alike(std::vector<PathState> &states) {
  std::unordered_map<uint32_t, uint32_t> numbers;
  for (PathState &state : states) {
    state.alike = numbers.try_emplace(state.alike, static_cast<uint32_t>(numbers.size())).first->second;
  }
}

void sort_updates(std::vector<SlotUpdate> &updates) {
  std::stable_sort(updates.begin(), updates.end(),
                   [](const SlotUpdate &a, const SlotUpdate &b) { return a.slot < b.slot; });
  std::vector<SlotUpdate> last;
  for (const SlotUpdate &update : updates) {
    if (!last.empty() && last.back().slot == update.slot) last.pop_back();
    last.push_back(update);
  }
  updates = std::move(last);
}

// Strings end up on terminals and in line-based logs: no byte of a policy may act there.
void spell_control_bytes(std::string &text) {
  if (std::none_of(text.begin(), text.end(),
                   [](char c) { return is_control(static_cast<unsigned char>(c)); })) {
    return;
  }
  constexpr char digits[] = "0123456789abcdef";
  std::string spelled;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_control(byte)) {
      spelled += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
    } else {
      spelled += c;
    }
  }
  text = std::move(spelled);
}

}  // namespace

Image canonical(const Image &image) {
  Image result = image;
  spell_control_bytes(result.policy);
  for (std::string &file : result.files) spell_control_bytes(file);
  for (Rule &rule : result.rules) {
    spell_control_bytes(rule.text);
    spell_control_bytes(rule.reason);
  }
  if (result.labels.empty()) result.labels.emplace_back();
  for (auto &updates : result.labels) sort_updates(updates);

  result.classifier.byte_class[0] = 0;
  result.classifier.byte_class['/'] = 0;
  lay_out_exceptions(result.classifier.states, result.classifier.exceptions);

  lay_out_exceptions(result.states, result.exceptions);
  number_alike(result.states);
  for (PathState &state : result.states) {
    if (!state.uniform_below) state.below = Level::none;
  }
  return result;
}

}  // namespace agentfense::table
