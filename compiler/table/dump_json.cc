#include "compiler/table/digest.h"
#include "compiler/table/dump.h"
#include "compiler/table/format.h"
#include "compiler/table/json_writer.h"

namespace agentfense::table {
namespace {

void number(JsonWriter &json, std::string_view key, uint64_t value) {
  json.key(key);
  json.value(value);
}

void string(JsonWriter &json, std::string_view key, std::string_view value) {
  json.key(key);
  json.value(value);
}

void flag(JsonWriter &json, std::string_view key, bool value) {
  json.key(key);
  json.value(value);
}

// "key": [ one element a line ]
template <typename Elements, typename Write>
void array(JsonWriter &json, std::string_view key, const Elements &elements, Write write) {
  json.key(key);
  json.open_array();
  for (const auto &element : elements) {
    json.new_line();
    write(element);
  }
  json.close_array();
}

template <typename... Numbers>
void tuple(JsonWriter &json, Numbers... numbers) {
  json.open_array();
  (json.value(uint64_t{numbers}), ...);
  json.close_array();
}

// Either "base_row" or, for a row that needs no array, "constant": its target.
void base(JsonWriter &json, const RowRef &row) {
  number(json, (row.base_row & kConstantRow) != 0 ? "constant" : "base_row", row.base_row & ~kConstantRow);
}

// The base rows: `width` elements of `flat` a row.
template <typename T, typename Write>
void rows(JsonWriter &json, const std::vector<T> &flat, uint32_t width, Write write) {
  json.key("base_rows");
  json.open_array();
  for (size_t begin = 0; begin < flat.size(); begin += width) {
    json.new_line();
    json.open_array();
    for (size_t i = begin; i < begin + width; ++i) write(flat[i]);
    json.close_array();
  }
  json.close_array();
}

void write_rules(JsonWriter &json, const Image &image) {
  array(json, "files", image.files, [&](const std::string &file) { json.value(std::string_view(file)); });
  array(json, "rules", image.rules, [&](const Rule &rule) {
    json.open_object();
    string(json, "kind", rule.is_limit ? "limit" : "allow");
    string(json, "level", level_word(rule.level));
    number(json, "file", rule.file);
    number(json, "line", rule.line);
    string(json, "text", rule.text);
    string(json, "reason", rule.reason);
    json.close_object();
  });
  number(json, "slots", image.slots);
  number(json, "start_label", image.start_label);
  array(json, "labels", image.labels, [&](const std::vector<SlotUpdate> &updates) {
    json.open_array();
    for (const SlotUpdate &update : updates) {
      json.open_object();
      number(json, "slot", update.slot);
      json.key("rule");
      if (update.rule == kNoRule) {
        json.null();
      } else {
        json.value(uint64_t{update.rule});
      }
      json.close_object();
    }
    json.close_array();
  });
}

void write_classifier(JsonWriter &json, const Classifier &classifier) {
  json.key("classifier");
  json.open_object();
  json.key("byte_class");
  json.open_array();
  for (const uint8_t byte_class : classifier.byte_class) json.value(uint64_t{byte_class});
  json.close_array();
  number(json, "byte_classes", classifier.byte_classes);
  rows(json, classifier.base_rows, classifier.byte_classes,
       [&](uint32_t target) { json.value(uint64_t{target}); });
  array(json, "states", classifier.states, [&](const Classifier::State &state) {
    json.open_object();
    number(json, "component_class", state.component_class);
    base(json, state.row);
    json.key("exceptions");
    json.open_array();
    for (uint32_t i = 0; i < state.row.exception_count; ++i) {
      const ByteException &exception = classifier.exceptions[state.row.exception_begin + i];
      tuple(json, exception.symbol, exception.target);
    }
    json.close_array();
    json.close_object();
  });
  json.close_object();
}

void write_path(JsonWriter &json, const Image &image) {
  number(json, "component_classes", image.component_classes);
  rows(json, image.base_rows, image.component_classes,
       [&](const Step &step) { tuple(json, step.target, step.label); });
  array(json, "states", image.states, [&](const PathState &state) {
    json.open_object();
    string(json, "level", level_word(state.level));
    flag(json, "visible_below", state.visible_below);
    json.key("uniform_below");
    if (state.uniform_below) {
      json.value(level_word(state.below));
    } else {
      json.null();
    }
    flag(json, "writable_child", state.writable_child);
    number(json, "alike", state.alike);
    number(json, "deciding_slot", state.deciding_slot);
    base(json, state.row);
    json.key("exceptions");
    json.open_array();
    for (uint32_t i = 0; i < state.row.exception_count; ++i) {
      const PathException &exception = image.exceptions[state.row.exception_begin + i];
      tuple(json, exception.symbol, exception.step.target, exception.step.label);
    }
    json.close_array();
    json.close_object();
  });
}

}  // namespace

std::string dump_json(const Table &table) {
  const Image image = table.image();
  JsonWriter json;
  json.open_object();
  number(json, "format", kVersion);
  string(json, "policy", image.policy);
  string(json, "sources_sha256", to_hex(image.source_digest));
  string(json, "content_sha256", to_hex(table.file_digest()));
  write_rules(json, image);
  write_classifier(json, image.classifier);
  write_path(json, image);
  json.close_object();
  return json.take() + "\n";
}

}  // namespace agentfense::table
