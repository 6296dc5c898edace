#include <algorithm>

#include "compiler/table/sections.h"

namespace agentfense::table {
namespace {

// The first of `count` ascending words that is not below `word`, or the last one where all are. Names
// are unpredictable, so a branch taken by comparison would be missed half of the time: this has none
// but the loop's. REQUIRES: count > 0.
const uint32_t *search(const uint32_t *first, uint32_t count, uint32_t word) {
  while (count > 1) {
    const uint32_t half = count / 2;
    first += static_cast<size_t>(first[half - 1] < word) * half;
    count -= half;
  }
  return first;
}

uint32_t next_state(const Sections &sections, const ClassifierRecord &state, uint32_t symbol) {
  if (state.listed()) {
    const uint32_t *const first = sections.classifier_exceptions.data() + state.exceptions[0];
    const uint32_t found = *search(first, state.exceptions[1], symbol << kTargetBits);
    if (packed_symbol(found) == symbol) return packed_target(found);
  } else {
    const uint32_t count = state.row & ClassifierRecord::kCountMask;
    for (uint32_t i = 0; i < count; ++i) {
      if (packed_symbol(state.exceptions[i]) == symbol) return packed_target(state.exceptions[i]);
    }
  }
  return sections.base_target(state, symbol);
}

uint32_t classify_in(const Sections &sections, std::string_view name) {
  const ClassifierRecord *state = sections.classifier_states.data();
  for (const char c : name) {
    const uint32_t symbol = sections.byte_class[static_cast<unsigned char>(c)];
    state = &sections.classifier_states[next_state(sections, *state, symbol)];
  }
  return state->component_class;
}

Step step_in(const Sections &sections, const PathRecord &record, uint32_t component_class) {
  if (record.exception_count > 0) {
    const uint32_t *const symbols = sections.path_exception_symbols.data();
    const uint32_t *const found =
        search(symbols + record.exception_begin, record.exception_count, component_class);
    if (*found == component_class) return sections.path_exception_steps[static_cast<size_t>(found - symbols)];
  }
  return sections.base_step(record, component_class);
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
  if (record.has(PathRecord::kOneSuccessor)) return sections.base_step(record, 0).target;
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
