#include "compiler/table/dump.h"

#include "compiler/table/digest.h"
#include "compiler/table/format.h"
#include "compiler/table/text.h"

namespace agentfense::table {
namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (c == '"' || c == '\\') {
      append(out, "\\", std::string_view(&c, 1));
    } else if (byte >= 0x20 && byte < 0x7f) {
      out += c;
    } else {
      append(out, "\\x", to_hex({&byte, 1}));
    }
  }
  return out + '"';
}

// "61-7a 5f": the bytes of one class that names hold, in hexadecimal, as ranges.
std::string byte_ranges(const Classifier &classifier, uint32_t byte_class) {
  const auto in_class = [&](uint32_t byte) {
    return byte < 256 && byte != 0 && byte != '/' && classifier.byte_class[byte] == byte_class;
  };
  const auto hex = [](uint32_t byte) {
    const auto value = static_cast<uint8_t>(byte);
    return to_hex({&value, 1});
  };
  std::string out;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    if (!in_class(byte)) continue;
    const uint32_t first = byte;
    while (in_class(byte + 1)) ++byte;
    append(out, " ", hex(first));
    if (byte != first) append(out, "-", hex(byte));
  }
  return out;
}

// "7", or "7/2" where the step has label 2.
void append_step(std::string &out, const Step &step) {
  append(out, step.target);
  if (step.label != 0) append(out, "/", step.label);
}

void append_base(std::string &out, const RowRef &row) {
  append(out, (row.base_row & kConstantRow) != 0 ? " constant " : " row ", row.base_row & ~kConstantRow);
}

void dump_rules(const Image &image, std::string &out) {
  for (size_t i = 0; i < image.files.size(); ++i) append(out, "file ", i, ": ", quoted(image.files[i]), "\n");
  for (size_t i = 0; i < image.rules.size(); ++i) {
    const Rule &rule = image.rules[i];
    append(out, "rule ", i, ": ", rule.is_limit ? "limit " : "allow ", level_word(rule.level), " file ",
           rule.file, " line ", rule.line, " ", quoted(rule.text));
    if (!rule.reason.empty()) append(out, " reason ", quoted(rule.reason));
    append(out, "\n");
  }
  append(out, "slots: ", image.slots, "\nstart label: ", image.start_label, "\n");
  for (size_t i = 0; i < image.labels.size(); ++i) {
    append(out, "label ", i, ":");
    for (const SlotUpdate &update : image.labels[i]) {
      append(out, " slot ", update.slot, " = ",
             update.rule == kNoRule ? "none" : std::to_string(update.rule));
    }
    append(out, "\n");
  }
}

void dump_classifier(const Classifier &classifier, std::string &out) {
  const uint32_t width = classifier.byte_classes;
  for (uint32_t i = 0; i < width; ++i) append(out, "byte class ", i, ":", byte_ranges(classifier, i), "\n");
  for (size_t row = 0; row * width < classifier.base_rows.size(); ++row) {
    append(out, "name row ", row, ":");
    for (uint32_t symbol = 0; symbol < width; ++symbol)
      append(out, " ", classifier.base_rows[row * width + symbol]);
    append(out, "\n");
  }
  for (size_t i = 0; i < classifier.states.size(); ++i) {
    const Classifier::State &state = classifier.states[i];
    append(out, "name state ", i, ": class ", state.component_class);
    append_base(out, state.row);
    for (uint32_t e = 0; e < state.row.exception_count; ++e) {
      const ByteException &exception = classifier.exceptions[state.row.exception_begin + e];
      append(out, " ", exception.symbol, "->", exception.target);
    }
    append(out, "\n");
  }
}

void dump_path(const Image &image, std::string &out) {
  const uint32_t width = image.component_classes;
  for (size_t row = 0; row * width < image.base_rows.size(); ++row) {
    append(out, "path row ", row, ":");
    for (uint32_t symbol = 0; symbol < width; ++symbol) {
      out += ' ';
      append_step(out, image.base_rows[row * width + symbol]);
    }
    append(out, "\n");
  }
  for (size_t i = 0; i < image.states.size(); ++i) {
    const PathState &state = image.states[i];
    append(out, "path state ", i, ": ", level_word(state.level));
    if (state.visible_below) append(out, " visible-below");
    if (state.uniform_below) append(out, " uniform-below=", level_word(state.below));
    if (state.writable_child) append(out, " writable-child");
    append(out, " alike ", state.alike, " slot ", state.deciding_slot);
    append_base(out, state.row);
    for (uint32_t e = 0; e < state.row.exception_count; ++e) {
      const PathException &exception = image.exceptions[state.row.exception_begin + e];
      append(out, " ", exception.symbol, "->");
      append_step(out, exception.step);
    }
    append(out, "\n");
  }
}

}  // namespace

std::string_view level_word(Level level) {
  constexpr std::string_view words[] = {"none", "view", "read", "write"};
  return words[static_cast<size_t>(level)];
}

std::string dump_text(const Table &table) {
  const Image image = table.image();
  std::string out;
  append(out, "agentfense table, format ", kVersion, "\npolicy: ", quoted(image.policy),
         "\nsources sha256: ", to_hex(image.source_digest), "\ncontent sha256: ", to_hex(table.file_digest()),
         "\n");
  dump_rules(image, out);
  dump_classifier(image.classifier, out);
  dump_path(image, out);
  return out;
}

}  // namespace agentfense::table
