#include "tests/table/table_bytes.h"

#include <map>

#include "compiler/table/digest.h"
#include "compiler/table/dump.h"
#include "compiler/table/encode.h"
#include "tests/table/sample_tables.h"

namespace agentfense::table {

void reseal(Bytes &bytes) {
  const size_t content = bytes.size() - kDigestSize;
  const Sha256Digest digest = sha256(std::span(bytes).first(content));
  std::memcpy(bytes.data() + content, digest.data(), digest.size());
}

Header header_of(const Bytes &bytes) { return read_at<Header>(bytes, 0); }

SectionEntry entry_of(const Bytes &bytes, uint32_t id) {
  for (size_t at = sizeof(Header);; at += sizeof(SectionEntry)) {
    const auto entry = read_at<SectionEntry>(bytes, at);
    if (entry.id == id) return entry;
  }
}

Bytes with_section(const Bytes &bytes, uint32_t id, const Bytes &content) {
  Header header = header_of(bytes);
  const size_t table_end = sizeof(Header) + header.section_count * sizeof(SectionEntry);
  Bytes result(bytes.begin(), bytes.end() - kDigestSize);
  result.insert(result.begin() + static_cast<ptrdiff_t>(table_end), sizeof(SectionEntry), std::byte{0});
  for (size_t at = sizeof(Header); at < table_end; at += sizeof(SectionEntry)) {
    auto entry = read_at<SectionEntry>(result, at);
    entry.offset += sizeof(SectionEntry);
    write_at(result, at, entry);
  }
  const SectionEntry added{id, static_cast<uint32_t>(result.size()), static_cast<uint32_t>(content.size()),
                           0};
  write_at(result, table_end, added);
  result.insert(result.end(), content.begin(), content.end());
  result.resize(align_up(result.size()) + kDigestSize);
  ++header.section_count;
  header.file_size = static_cast<uint32_t>(result.size());
  write_at(result, 0, header);
  reseal(result);
  return result;
}

std::string false_claim(const Image &image) {
  Image truth = image;
  fill_claims(truth);
  std::map<uint32_t, uint32_t> truth_of_number;
  for (size_t i = 0; i < image.states.size(); ++i) {
    const PathState &claimed = image.states[i];
    const PathState &real = truth.states[i];
    const std::string state = "state " + std::to_string(i) + ": ";
    if (claimed.visible_below != real.visible_below) return state + "visible_below";
    if (claimed.writable_child != real.writable_child) return state + "writable_child";
    if (claimed.uniform_below && (!real.uniform_below || claimed.below != real.below))
      return state + "uniform_below";
    if (truth_of_number.try_emplace(claimed.alike, real.alike).first->second != real.alike)
      return state + "alike";
  }
  return "";
}

std::string fault_of(const Table &table) {
  const Image image = table.image();
  for (uint32_t s = 0; s < table.state_count(); ++s) {
    if (table.info(s).level > Level::write) return "a level out of range";
    for (uint32_t c = 0; c < table.class_count(); ++c) {
      if (table.step_class(s, c) >= table.state_count()) return "a successor out of range";
      if (table.step_class(s, c) != dense_step(image, s, c).target) return "a step unlike its row";
    }
  }
  for (int byte = 1; byte < 256; ++byte) {
    const std::string name(2, static_cast<char>(byte));
    if (byte == '/') continue;
    if (table.classify(name) >= table.class_count()) return "a class out of range";
    const Explained explained = table.explain("/" + name + "/" + name);
    if (explained.state != table.step(table.step(0, name), name)) return "explain() and step() disagree";
    if (explained.rule != kNoRule && explained.rule >= table.rule_count()) return "a rule out of range";
  }
  for (uint32_t i = 0; i < table.rule_count(); ++i) {
    if (table.rule(i).level > Level::write) return "a rule's level out of range";
  }
  if (dump_text(table).empty() || dump_json(table).empty()) return "an empty dump";
  if (canonical(image) != image) return "an image that is not canonical";
  return false_claim(image);
}

}  // namespace agentfense::table
