#include "compiler/table/sections.h"

namespace agentfense::table {
namespace {

Classifier classifier_of(const Sections &sections) {
  Classifier classifier;
  for (size_t byte = 0; byte < sections.byte_class.size(); ++byte) {
    classifier.byte_class[byte] = sections.byte_class[byte];
  }
  classifier.byte_classes = sections.header->byte_classes;
  classifier.base_rows.assign(sections.classifier_rows.begin(), sections.classifier_rows.end());
  classifier.states.reserve(sections.classifier_states.size());
  for (const ClassifierRecord &record : sections.classifier_states) {
    const RowRef row{record.base() | (record.constant() ? kConstantRow : 0),
                     static_cast<uint32_t>(classifier.exceptions.size()), record.exception_count()};
    classifier.states.push_back({row, record.component_class});
    for (const uint32_t packed : sections.exceptions_of(record)) {
      classifier.exceptions.push_back({packed_symbol(packed), packed_target(packed)});
    }
  }
  return classifier;
}

void add_path_automaton(const Sections &sections, Image &image) {
  image.component_classes = sections.header->component_classes;
  image.base_rows.assign(sections.path_rows.begin(), sections.path_rows.end());
  image.exceptions.reserve(sections.path_exception_symbols.size());
  for (size_t i = 0; i < sections.path_exception_symbols.size(); ++i) {
    image.exceptions.push_back({sections.path_exception_symbols[i], sections.path_exception_steps[i]});
  }
  image.states.reserve(sections.path_states.size());
  for (const PathRecord &record : sections.path_states) {
    PathState state;
    state.row = {record.base_row, record.exception_begin, record.exception_count};
    state.level = record.level();
    state.visible_below = record.has(PathRecord::kVisibleBelow);
    state.uniform_below = record.has(PathRecord::kUniformBelow);
    state.below = record.below();
    state.writable_child = record.has(PathRecord::kWritableChild);
    state.alike = record.alike;
    state.deciding_slot = record.deciding_slot;
    image.states.push_back(state);
  }
}

}  // namespace

Image Table::image() const {
  const Sections &sections = layout_->sections;
  Image image;
  image.policy = policy();
  image.source_digest = source_digest();
  for (uint32_t i = 0; i < sections.header->files; ++i)
    image.files.emplace_back(sections.string(file_string(i)));
  for (uint32_t i = 0; i < rule_count(); ++i) {
    const RuleView view = rule(i);
    image.rules.push_back({view.is_limit, view.level, sections.rules[i].file, view.line,
                           std::string(view.text), std::string(view.reason)});
  }
  image.slots = sections.header->slots;
  image.start_label = sections.header->start_label;
  for (uint32_t i = 0; i < sections.labels(); ++i) {
    const auto updates = sections.updates_of(i);
    image.labels.emplace_back(updates.begin(), updates.end());
  }
  image.classifier = classifier_of(sections);
  add_path_automaton(sections, image);
  return image;
}

}  // namespace agentfense::table
