#include <algorithm>

#include "compiler/table/sections.h"

namespace agentfense::table {
namespace {

// Up to here a scan beats the branch misses of a binary search.
constexpr size_t kScan = 8;

// The index of `symbol`, or symbols.size().
size_t find_symbol(std::span<const uint32_t> symbols, uint32_t symbol) {
  const auto begin = symbols.begin();
  const auto end = symbols.end();
  const auto at = symbols.size() <= kScan ? std::find(begin, end, symbol) : std::lower_bound(begin, end, symbol);
  return at != end && *at == symbol ? static_cast<size_t>(at - begin) : symbols.size();
}

// The packed exception for a byte class, or nullptr.
const uint32_t *find_packed(const uint32_t *begin, uint32_t count, uint32_t symbol) {
  const uint32_t *const end = begin + count;
  if (count > kScan) {
    const uint32_t *const at = std::lower_bound(begin, end, symbol << kTargetBits);
    return at != end && packed_symbol(*at) == symbol ? at : nullptr;
  }
  for (; begin != end; ++begin) {
    if (packed_symbol(*begin) == symbol) return begin;
  }
  return nullptr;
}

uint32_t classify_in(const Sections &sections, std::string_view name) {
  const uint8_t *const byte_class = sections.byte_class.data();
  const ClassifierRecord *const states = sections.classifier_states.data();
  const uint32_t *const rows = sections.classifier_rows.data();
  const size_t width = sections.header->byte_classes;

  const ClassifierRecord *state = states;
  for (const char c : name) {
    const uint32_t symbol = byte_class[static_cast<unsigned char>(c)];
    const uint32_t count = state->exception_count();
    const uint32_t *const exceptions = count <= ClassifierRecord::kInline
                                           ? state->exceptions.data()
                                           : sections.classifier_exceptions.data() + state->exceptions[0];
    const uint32_t *const found = find_packed(exceptions, count, symbol);
    state = states + (found != nullptr ? packed_target(*found) : rows[state->base_row() * width + symbol]);
  }
  return state->component_class;
}

Step step_in(const Sections &sections, const PathRecord &record, uint32_t component_class) {
  const auto symbols = sections.symbols_of(record);
  const size_t at = find_symbol(symbols, component_class);
  if (at != symbols.size()) return sections.steps_of(record)[at];
  return sections.base_of(record)[component_class];
}

}  // namespace

uint32_t Table::classify(std::string_view name) const { return classify_in(layout_->sections, name); }

StateId Table::step_class(StateId s, uint32_t component_class) const {
  const Sections &sections = layout_->sections;
  return step_in(sections, sections.path_states[s], component_class).target;
}

StateId Table::step(StateId s, std::string_view name) const {
  const Sections &sections = layout_->sections;
  const PathRecord &record = sections.path_states[s];
  // Below a rule that covers a whole subtree the name does not matter.
  if (record.has(PathRecord::kOneSuccessor)) return sections.base_of(record).front().target;
  return step_in(sections, record, classify_in(sections, name)).target;
}

Explained Table::explain(std::string_view path) const {
  const Sections &sections = layout_->sections;
  std::vector<uint32_t> slots(sections.header->slots, kNoRule);
  const auto apply = [&](uint32_t label) {
    for (const SlotUpdate &update : sections.updates_of(label)) slots[update.slot] = update.rule;
  };
  apply(sections.header->start_label);
  StateId state = root();
  while (!path.empty()) {
    const std::string_view name = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(name.size() + 1, path.size()));
    if (name.empty()) continue;
    const Step step = step_in(sections, sections.path_states[state], classify_in(sections, name));
    apply(step.label);
    state = step.target;
  }
  return {state, info(state), slots[sections.path_states[state].deciding_slot]};
}

}  // namespace agentfense::table
