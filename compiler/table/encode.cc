#include "compiler/table/encode.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "compiler/table/digest.h"
#include "compiler/table/format.h"

namespace agentfense::table {
namespace {

class Writer {
 public:
  explicit Writer(uint32_t sections) : bytes_(sizeof(Header) + sections * sizeof(SectionEntry)) {}

  template <typename T>
  void section(SectionId id, const std::vector<T> &records) {
    const std::span<const std::byte> content = std::as_bytes(std::span(records));
    const SectionEntry entry{id, static_cast<uint32_t>(bytes_.size()), static_cast<uint32_t>(content.size()),
                             0};
    std::memcpy(bytes_.data() + sizeof(Header) + count_ * sizeof entry, &entry, sizeof entry);
    ++count_;
    bytes_.insert(bytes_.end(), content.begin(), content.end());
    bytes_.resize(align_up(bytes_.size()));
  }

  // Adds what only the end can know, and the digest.
  [[nodiscard]] std::vector<std::byte> finish(Header header) {
    header.file_size = static_cast<uint32_t>(bytes_.size() + kDigestSize);
    header.section_count = count_;
    std::memcpy(bytes_.data(), &header, sizeof header);
    const Sha256Digest digest = sha256(bytes_);
    const auto digest_bytes = std::as_bytes(std::span(digest));
    bytes_.insert(bytes_.end(), digest_bytes.begin(), digest_bytes.end());
    return std::move(bytes_);
  }

 private:
  std::vector<std::byte> bytes_;
  uint32_t count_ = 0;
};

void write_classifier(const Classifier &classifier, Writer &writer) {
  std::vector<ClassifierRecord> states;
  states.reserve(classifier.states.size());
  std::vector<uint32_t> overflow;
  for (const Classifier::State &state : classifier.states) {
    const RowRef &row = state.row;
    const bool fits = row.exception_count <= ClassifierRecord::kInline;
    const uint32_t base = (row.base_row & ~kConstantRow) << ClassifierRecord::kBaseShift;
    const uint32_t constant = (row.base_row & kConstantRow) != 0 ? ClassifierRecord::kConstant : 0;
    const uint32_t count = fits ? row.exception_count : ClassifierRecord::kListed;
    ClassifierRecord record{base | constant | count, state.component_class, {}};
    if (!fits) record.exceptions = {static_cast<uint32_t>(overflow.size()), row.exception_count};
    for (uint32_t i = 0; i < row.exception_count; ++i) {
      const ByteException &exception = classifier.exceptions[row.exception_begin + i];
      const uint32_t packed = exception.symbol << kTargetBits | exception.target;
      if (fits) {
        record.exceptions[i] = packed;
      } else {
        overflow.push_back(packed);
      }
    }
    states.push_back(record);
  }
  writer.section(kByteClassSection,
                 std::vector<uint8_t>(classifier.byte_class.begin(), classifier.byte_class.end()));
  writer.section(kClassifierStateSection, states);
  writer.section(kClassifierRowSection, classifier.base_rows);
  writer.section(kClassifierExceptionSection, overflow);
}

// Whether each dense base row leads to one state by every class.
std::vector<bool> constant_rows(const Image &image) {
  std::vector<bool> constant;
  const std::span<const Step> steps = image.base_rows;
  for (size_t begin = 0; begin < steps.size(); begin += image.component_classes) {
    const auto row = steps.subspan(begin, image.component_classes);
    constant.push_back(std::all_of(row.begin(), row.end(),
                                   [&](const Step &step) { return step.target == row.front().target; }));
  }
  return constant;
}

void write_path(const Image &image, Writer &writer) {
  const std::vector<bool> constant = constant_rows(image);
  std::vector<PathRecord> states;
  states.reserve(image.states.size());
  for (const PathState &state : image.states) {
    uint32_t flags = static_cast<uint32_t>(state.level) | static_cast<uint32_t>(state.below)
                                                              << PathRecord::kBelowShift;
    if (state.visible_below) flags |= PathRecord::kVisibleBelow;
    if (state.uniform_below) flags |= PathRecord::kUniformBelow;
    if (state.writable_child) flags |= PathRecord::kWritableChild;
    const bool one_target = (state.row.base_row & kConstantRow) != 0 || constant[state.row.base_row];
    if (state.row.exception_count == 0 && one_target) flags |= PathRecord::kOneSuccessor;
    states.push_back({state.row.base_row, state.row.exception_begin, state.row.exception_count, flags,
                      state.alike, state.deciding_slot});
  }
  std::vector<uint32_t> symbols;
  std::vector<Step> steps;
  symbols.reserve(image.exceptions.size());
  steps.reserve(image.exceptions.size());
  for (const PathException &exception : image.exceptions) {
    symbols.push_back(exception.symbol);
    steps.push_back(exception.step);
  }
  writer.section(kPathStateSection, states);
  writer.section(kPathRowSection, image.base_rows);
  writer.section(kPathExceptionSymbolSection, symbols);
  writer.section(kPathExceptionStepSection, steps);
}

void write_labels(const Image &image, Writer &writer) {
  std::vector<uint32_t> starts = {0};
  std::vector<SlotUpdate> all;
  for (const auto &updates : image.labels) {
    all.insert(all.end(), updates.begin(), updates.end());
    starts.push_back(static_cast<uint32_t>(all.size()));
  }
  writer.section(kLabelStartSection, starts);
  writer.section(kLabelUpdateSection, all);
}

void write_rules(const Image &image, Writer &writer) {
  std::vector<RuleRecord> rules;
  std::vector<uint32_t> starts = {0};
  std::vector<char> bytes;
  const auto add = [&](const std::string &text) {
    bytes.insert(bytes.end(), text.begin(), text.end());
    starts.push_back(static_cast<uint32_t>(bytes.size()));
  };
  add(image.policy);
  for (const std::string &file : image.files) add(file);
  for (const Rule &rule : image.rules) {
    const uint32_t flags = static_cast<uint32_t>(rule.level) | (rule.is_limit ? RuleRecord::kLimit : 0);
    rules.push_back({flags, rule.file, rule.line});
    add(rule.text);
    add(rule.reason);
  }
  writer.section(kRuleSection, rules);
  writer.section(kStringStartSection, starts);
  writer.section(kStringByteSection, bytes);
}

}  // namespace

std::vector<std::byte> encode(const Image &given) {
  const Image image = canonical(given);
  Writer writer(kSections);
  write_classifier(image.classifier, writer);
  write_path(image, writer);
  write_labels(image, writer);
  write_rules(image, writer);

  Header header{};
  header.magic = kMagic;
  header.version = kVersion;
  header.byte_classes = image.classifier.byte_classes;
  header.component_classes = image.component_classes;
  header.slots = image.slots;
  header.start_label = image.start_label;
  header.files = static_cast<uint32_t>(image.files.size());
  header.rules = static_cast<uint32_t>(image.rules.size());
  header.source_digest = image.source_digest;
  return writer.finish(header);
}

}  // namespace agentfense::table
