// Each check of FORMAT.md, by one table that breaks nothing else first.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>

#include "compiler/table/encode.h"
#include "tests/table/sample_tables.h"
#include "tests/table/table_bytes.h"

namespace agentfense::table {
namespace {

// The check that refuses the bytes, "" where none does.
std::string refusal(const Bytes &bytes, const DecodeLimits &limits = {}) {
  const auto result = decode(bytes, limits);
  const auto *error = std::get_if<DecodeError>(&result);
  if (error == nullptr) return "";
  EXPECT_FALSE(error->message.empty());
  return error->check;
}

// A damage is done to the encoded sample, which is then sealed again, so that the digest is right.
struct Case {
  std::string check;
  std::string name;
  std::function<void(Bytes &)> damage;
};

void set_header(Bytes &bytes, uint32_t Header::*field, uint32_t value) {
  Header header = header_of(bytes);
  header.*field = value;
  write_at(bytes, 0, header);
}

// Changes the entry at `index` of the section table.
void set_entry(Bytes &bytes, size_t index, uint32_t SectionEntry::*field, uint32_t value) {
  const size_t at = sizeof(Header) + index * sizeof(SectionEntry);
  auto entry = read_at<SectionEntry>(bytes, at);
  entry.*field = value;
  write_at(bytes, at, entry);
}

// Changes a word of record `index` in a section; `word` counts inside the record.
template <typename Record>
void set_word(Bytes &bytes, uint32_t id, size_t index, size_t word, uint32_t value) {
  write_at(bytes, entry_of(bytes, id).offset + index * sizeof(Record) + word * 4, value);
}
template <typename Record>
uint32_t get_word(const Bytes &bytes, uint32_t id, size_t index, size_t word) {
  return read_at<uint32_t>(bytes, entry_of(bytes, id).offset + index * sizeof(Record) + word * 4);
}

void change_flags(Bytes &bytes, size_t state, uint32_t bits) {
  const uint32_t flags = get_word<PathRecord>(bytes, kPathStateSection, state, 3);
  set_word<PathRecord>(bytes, kPathStateSection, state, 3, flags ^ bits);
}

// Makes a section one record shorter without moving the others, where its padding allows it.
void shorten(Bytes &bytes, uint32_t id, uint32_t by) {
  const SectionEntry entry = entry_of(bytes, id);
  ASSERT_EQ(align_up(entry.size), align_up(entry.size - by)) << "section " << id;
  std::memset(bytes.data() + entry.offset + entry.size - by, 0, by);
  set_entry(bytes, id - 1, &SectionEntry::size, entry.size - by);
}

// The sample from an image, for what is easier said there.
Case from_image(std::string check, std::string name, std::function<void(Image &)> change) {
  return {std::move(check), std::move(name), [change = std::move(change)](Bytes &bytes) {
            Image image = sample_image();
            change(image);
            bytes = encode(image);
          }};
}

std::vector<Case> envelope_cases() {
  return {
      {"file-short", "header only", [](Bytes &b) { b.resize(sizeof(Header) + kDigestSize - 1); }},
      {"magic", "text mode", [](Bytes &b) { b[4] = std::byte{'\n'}; }},
      {"version", "next", [](Bytes &b) { set_header(b, &Header::version, 2); }},
      {"version", "zero", [](Bytes &b) { set_header(b, &Header::version, 0); }},
      {"file-size", "longer", [](Bytes &b) { set_header(b, &Header::file_size, 0xffffffff); }},
      {"file-size", "appended", [](Bytes &b) { b.resize(b.size() + 16); }},
  };
}

std::vector<Case> section_cases() {
  return {
      {"section-count", "huge", [](Bytes &b) { set_header(b, &Header::section_count, 0xffffffff); }},
      {"section-count", "65", [](Bytes &b) { set_header(b, &Header::section_count, 65); }},
      {"section-table", "in the digest",
       [](Bytes &b) {
         b.resize(sizeof(Header) + sizeof(SectionEntry) + kDigestSize);
         set_header(b, &Header::file_size, static_cast<uint32_t>(b.size()));
         set_header(b, &Header::section_count, 2);
       }},
      {"section-order", "zero", [](Bytes &b) { set_entry(b, 0, &SectionEntry::id, 0); }},
      {"section-order", "twice", [](Bytes &b) { set_entry(b, 1, &SectionEntry::id, 1); }},
      {"section-reserved", "one", [](Bytes &b) { set_entry(b, 3, &SectionEntry::reserved, 1); }},
      {"section-offset", "overlap", [](Bytes &b) { set_entry(b, 1, &SectionEntry::offset, 288); }},
      {"section-offset", "in the header", [](Bytes &b) { set_entry(b, 0, &SectionEntry::offset, 0); }},
      {"section-offset", "huge", [](Bytes &b) { set_entry(b, 2, &SectionEntry::offset, 0xfffffff0); }},
      {"section-bounds", "huge", [](Bytes &b) { set_entry(b, 4, &SectionEntry::size, 0xffffffff); }},
      {"section-bounds", "wraps", [](Bytes &b) { set_entry(b, 12, &SectionEntry::size, 0xfffffff0); }},
      {"section-bounds", "into the digest",
       [](Bytes &b) { set_entry(b, 12, &SectionEntry::size, entry_of(b, kStringByteSection).size + 16); }},
      {"section-padding", "one",
       [](Bytes &b) {
         const SectionEntry entry = entry_of(b, kStringByteSection);
         ASSERT_NE(entry.size % kAlignment, 0u);
         b[entry.offset + entry.size] = std::byte{1};
       }},
      {"section-unknown", "14", [](Bytes &b) { b = with_section(b, 14, Bytes(3)); }},
      {"section-unknown", "below the optional ones",
       [](Bytes &b) { b = with_section(b, 0x7fffffff, Bytes(3)); }},
      {"section-end", "rest",
       [](Bytes &b) {
         b.insert(b.end() - kDigestSize, 16, std::byte{0});
         set_header(b, &Header::file_size, static_cast<uint32_t>(b.size()));
       }},
      {"section-missing", "last",
       [](Bytes &b) { set_entry(b, 12, &SectionEntry::id, kOptionalSection | 1); }},
      {"header-reserved", "one", [](Bytes &b) { set_header(b, &Header::reserved, 1); }},
      {"byte-classes", "none", [](Bytes &b) { set_header(b, &Header::byte_classes, 0); }},
      {"byte-classes", "257", [](Bytes &b) { set_header(b, &Header::byte_classes, 257); }},
      {"component-classes", "none", [](Bytes &b) { set_header(b, &Header::component_classes, 0); }},
      {"slots", "none", [](Bytes &b) { set_header(b, &Header::slots, 0); }},
      {"slots", "huge", [](Bytes &b) { set_header(b, &Header::slots, 0xffffffff); }},
      {"section-size", "part of a word", [](Bytes &b) { shorten(b, kStringStartSection, 2); }},
      {"section-size", "huge rows", [](Bytes &b) { set_header(b, &Header::component_classes, 0xffffffff); }},
      {"section-size", "part of a row", [](Bytes &b) { set_header(b, &Header::byte_classes, 7); }},
      {"record-count", "byte classes", [](Bytes &b) { shorten(b, kByteClassSection, 1); }},
      {"record-count", "rules", [](Bytes &b) { set_header(b, &Header::rules, 4); }},
      {"record-count", "huge rules", [](Bytes &b) { set_header(b, &Header::rules, 0x80000003); }},
      {"record-count", "files", [](Bytes &b) { set_header(b, &Header::files, 3); }},
      {"record-count", "huge files", [](Bytes &b) { set_header(b, &Header::files, 0xffffffff); }},
      {"record-count", "strings", [](Bytes &b) { shorten(b, kStringStartSection, 4); }},
      {"record-count", "path exceptions", [](Bytes &b) { shorten(b, kPathExceptionSymbolSection, 4); }},
      {"record-count", "more rows than states",
       [](Bytes &b) { set_header(b, &Header::component_classes, 1); }},
      from_image("record-count", "more base rows than path states",
                 [](Image &i) { i.base_rows.resize(5 * i.component_classes); }),
      from_image("record-count", "more base rows than classifier states",
                 [](Image &i) { i.classifier.base_rows.resize(30 * i.classifier.byte_classes); }),
  };
}

std::vector<Case> meaning_cases() {
  return {
      {"string-start", "first", [](Bytes &b) { set_word<uint32_t>(b, kStringStartSection, 0, 0, 1); }},
      {"string-start", "huge",
       [](Bytes &b) { set_word<uint32_t>(b, kStringStartSection, 1, 0, 0xffffffff); }},
      {"string-start", "last",
       [](Bytes &b) {
         const size_t last = entry_of(b, kStringStartSection).size / 4 - 1;
         set_word<uint32_t>(b, kStringStartSection, last, 0,
                            get_word<uint32_t>(b, kStringStartSection, last, 0) + 1);
       }},
      {"string-byte", "escape",
       [](Bytes &b) { b[entry_of(b, kStringByteSection).offset] = std::byte{0x1b}; }},
      {"string-byte", "NUL", [](Bytes &b) { b[entry_of(b, kStringByteSection).offset + 5] = std::byte{0}; }},
      {"rule-flags", "bit 3", [](Bytes &b) { set_word<RuleRecord>(b, kRuleSection, 1, 0, 8); }},
      from_image("rule-file", "one too far", [](Image &i) { i.rules[2].file = 2; }),
      {"label-start", "first", [](Bytes &b) { set_word<uint32_t>(b, kLabelStartSection, 0, 0, 1); }},
      {"label-start", "descends", [](Bytes &b) { set_word<uint32_t>(b, kLabelStartSection, 3, 0, 0); }},
      {"label-start", "huge", [](Bytes &b) { set_word<uint32_t>(b, kLabelStartSection, 2, 0, 0xffffffff); }},
      {"label-start", "last", [](Bytes &b) { set_word<uint32_t>(b, kLabelStartSection, 5, 0, 4); }},
      from_image("label-empty", "filled",
                 [](Image &i) {
                   i.labels[0] = {{0, 0}};
                 }),
      from_image("label-slot", "one too far", [](Image &i) { i.labels[1][0].slot = 2; }),
      {"label-order", "equal", [](Bytes &b) { set_word<SlotUpdate>(b, kLabelUpdateSection, 4, 0, 0); }},
      from_image("label-rule", "one too far", [](Image &i) { i.labels[1][0].rule = 3; }),
      from_image("start-label", "one too far", [](Image &i) { i.start_label = 5; }),
      from_image("byte-class", "one too far", [](Image &i) { i.classifier.byte_class['x'] = 8; }),
      {"byte-class", "slash",
       [](Bytes &b) { b[entry_of(b, kByteClassSection).offset + '/'] = std::byte{1}; }},
      {"byte-class", "NUL", [](Bytes &b) { b[entry_of(b, kByteClassSection).offset] = std::byte{1}; }},
      from_image("class-without-name", "more classes than states",
                 [](Image &i) {
                   i.component_classes = 100;
                   i.base_rows.assign(200, {2, 0});
                 }),
      from_image("class-without-name", "unused class",
                 [](Image &i) {
                   for (auto &state : i.classifier.states) state.component_class %= 2;
                 }),
      from_image("class-without-name", "start state alone",
                 [](Image &i) {
                   for (auto &state : i.classifier.states) state.component_class %= 2;
                   i.classifier.states[0].component_class = 2;
                 }),
      from_image("class-without-name", "state that is not reached",
                 [](Image &i) {
                   for (auto &state : i.classifier.states) state.component_class %= 2;
                   i.classifier.states.push_back({{0, 0, 0}, 2});
                 }),
      from_image("class-without-name", "reached by a slash alone",
                 [](Image &i) {
                   // Every byte of names moves to classes 1 and up; class 0 then leads to nothing that counts.
                   for (size_t byte = 0; byte < 256; ++byte) i.classifier.byte_class[byte] = 1;
                   for (auto &state : i.classifier.states) state.component_class = 0;
                   i.classifier.states[1].component_class = 1;
                   i.classifier.states[2].component_class = 2;
                   i.classifier.exceptions.clear();
                   for (auto &state : i.classifier.states) state.row = {0, 0, 0};
                   i.classifier.base_rows = {2, 1, 1, 1, 1, 1, 1, 1};
                 }),
      from_image("component-class", "one too far",
                 [](Image &i) { i.classifier.states[1].component_class = 3; }),
      from_image("classifier-row", "one too far", [](Image &i) { i.classifier.states[1].row.base_row = 1; }),
      {"classifier-unused", "second word",
       [](Bytes &b) {
         for (size_t state = 0;; ++state) {
           if ((get_word<ClassifierRecord>(b, kClassifierStateSection, state, 0) & 3) != 1) continue;
           set_word<ClassifierRecord>(b, kClassifierStateSection, state, 3, 1);
           return;
         }
       }},
      {"classifier-exceptions", "elsewhere",
       [](Bytes &b) { set_word<ClassifierRecord>(b, kClassifierStateSection, 0, 2, 1); }},
      {"classifier-exceptions", "huge",
       [](Bytes &b) { set_word<ClassifierRecord>(b, kClassifierStateSection, 0, 2, 0xffffffff); }},
      {"classifier-exceptions", "second word",
       [](Bytes &b) { set_word<ClassifierRecord>(b, kClassifierStateSection, 0, 3, 1); }},
      {"classifier-exceptions", "too many",
       [](Bytes &b) { set_word<ClassifierRecord>(b, kClassifierStateSection, 0, 3, 8); }},
      {"classifier-exceptions", "huge count",
       [](Bytes &b) { set_word<ClassifierRecord>(b, kClassifierStateSection, 0, 3, 0xffffffff); }},
      {"classifier-exceptions", "too few",
       [](Bytes &b) { set_word<ClassifierRecord>(b, kClassifierStateSection, 0, 3, 2); }},
      {"classifier-exceptions", "left over",
       [](Bytes &b) { set_word<ClassifierRecord>(b, kClassifierStateSection, 0, 3, 6); }},
      {"classifier-unused", "bit 3",
       [](Bytes &b) {
         const uint32_t row = get_word<ClassifierRecord>(b, kClassifierStateSection, 0, 0);
         set_word<ClassifierRecord>(b, kClassifierStateSection, 0, 0, row | 8);
       }},
      from_image("classifier-target", "in a constant row",
                 [](Image &i) {
                   i.classifier.states[3].row.base_row =
                       kConstantRow | static_cast<uint32_t>(i.classifier.states.size());
                 }),
      {"path-target", "in a constant row",
       [](Bytes &b) { set_word<PathRecord>(b, kPathStateSection, 2, 0, kConstantRow | 4); }},
      {"path-one-successor", "hidden in a dense row",
       [](Bytes &b) {
         Image image = sample_image();
         image.states[2].row.base_row = 1;
         b = encode(image);
         change_flags(b, 2, PathRecord::kOneSuccessor);
       }},
      from_image("classifier-symbol", "one too far", [](Image &i) { i.classifier.exceptions[6].symbol = 8; }),
      from_image("classifier-order", "equal", [](Image &i) { i.classifier.exceptions[6].symbol = 6; }),
      from_image("classifier-order", "inside the record",
                 [](Image &i) { i.classifier.exceptions[9].symbol = 0; }),
      from_image(
          "classifier-target", "in a row",
          [](Image &i) { i.classifier.base_rows[7] = static_cast<uint32_t>(i.classifier.states.size()); }),
      from_image("classifier-target", "in an exception",
                 [](Image &i) {
                   i.classifier.exceptions[8].target = static_cast<uint32_t>(i.classifier.states.size());
                 }),
      {"path-target", "in a row", [](Bytes &b) { set_word<Step>(b, kPathRowSection, 5, 0, 4); }},
      {"path-target", "in an exception",
       [](Bytes &b) { set_word<Step>(b, kPathExceptionStepSection, 2, 0, 4); }},
      from_image("path-label", "in a row", [](Image &i) { i.base_rows[5].label = 5; }),
      from_image("path-label", "in an exception", [](Image &i) { i.exceptions[2].step.label = 5; }),
      {"path-flags", "bit 8", [](Bytes &b) { change_flags(b, 1, 1u << 8); }},
      {"path-flags", "below without uniform",
       [](Bytes &b) { change_flags(b, 0, 1u << PathRecord::kBelowShift); }},
      from_image("path-slot", "one too far", [](Image &i) { i.states[3].deciding_slot = 2; }),
      {"path-row", "one too far", [](Bytes &b) { set_word<PathRecord>(b, kPathStateSection, 3, 0, 2); }},
      {"path-exceptions", "shared", [](Bytes &b) { set_word<PathRecord>(b, kPathStateSection, 1, 1, 0); }},
      {"path-exceptions", "huge start",
       [](Bytes &b) { set_word<PathRecord>(b, kPathStateSection, 1, 1, 0xffffffff); }},
      {"path-exceptions", "huge count",
       [](Bytes &b) { set_word<PathRecord>(b, kPathStateSection, 1, 2, 0xffffffff); }},
      {"path-exceptions", "left over",
       [](Bytes &b) {
         set_word<PathRecord>(b, kPathStateSection, 1, 2, 1);
         set_word<PathRecord>(b, kPathStateSection, 2, 1, 2);
         set_word<PathRecord>(b, kPathStateSection, 3, 1, 2);
       }},
      from_image("path-symbol", "one too far", [](Image &i) { i.exceptions[2].symbol = 3; }),
      from_image("path-order", "equal", [](Image &i) { i.exceptions[2].symbol = 0; }),
      from_image("path-uniform", "mixed", [](Image &i) { i.states[0].uniform_below = true; }),
      from_image("path-uniform", "other level", [](Image &i) { i.states[2].below = Level::view; }),
      from_image("path-writable", "hidden", [](Image &i) { i.states[0].writable_child = false; }),
      from_image("path-writable", "invented", [](Image &i) { i.states[3].writable_child = true; }),
      {"path-one-successor", "invented", [](Bytes &b) { change_flags(b, 3, PathRecord::kOneSuccessor); }},
      {"path-one-successor", "invented with exceptions",
       [](Bytes &b) { change_flags(b, 0, PathRecord::kOneSuccessor); }},
      {"path-one-successor", "hidden", [](Bytes &b) { change_flags(b, 2, PathRecord::kOneSuccessor); }},
      from_image("path-visible", "hidden", [](Image &i) { i.states[3].visible_below = false; }),
      from_image("path-visible", "vouches for itself",
                 [](Image &i) {
                   i.states[2].visible_below = true;
                   i.states[2].uniform_below = false;
                 }),
      {"alike-number", "gap", [](Bytes &b) { set_word<PathRecord>(b, kPathStateSection, 3, 4, 4); }},
      {"alike-number", "huge",
       [](Bytes &b) { set_word<PathRecord>(b, kPathStateSection, 0, 4, 0xffffffff); }},
      from_image("alike", "other level", [](Image &i) { i.states[3].alike = i.states[1].alike; }),
      from_image("alike", "other exceptions", [](Image &i) { i.states[3].alike = i.states[0].alike; }),
      from_image("alike", "other row",
                 [](Image &i) {
                   i.states.push_back(i.states[2]);  // seems as hidden, and goes on like the root
                   i.states[4].row = {0, 3, 0};
                   i.states[4].uniform_below = false;
                   i.states[4].visible_below = true;
                   i.states[4].alike = i.states[2].alike;
                 }),
  };
}

std::vector<Case> all_cases() {
  std::vector<Case> cases = envelope_cases();
  for (auto &more : {section_cases(), meaning_cases()}) cases.insert(cases.end(), more.begin(), more.end());
  return cases;
}

TEST(Checks, EachRefusesWhatItIsFor) {
  for (const Case &c : all_cases()) {
    Bytes bytes = encode(sample_image());
    c.damage(bytes);
    if (bytes.size() >= kDigestSize) reseal(bytes);
    EXPECT_EQ(refusal(bytes), c.check) << c.name;
  }
}

TEST(Checks, DigestRefusesAnyChange) {
  Bytes bytes = encode(sample_image());
  bytes[entry_of(bytes, kStringByteSection).offset] ^= std::byte{1};
  EXPECT_EQ(refusal(bytes), "digest");
}

TEST(Checks, FileLimitIsTheCallers) {
  const Bytes bytes = encode(sample_image());
  EXPECT_EQ(refusal(bytes, {.max_bytes = bytes.size()}), "");
  EXPECT_EQ(refusal(bytes, {.max_bytes = bytes.size() - 1}), "file-limit");
}

TEST(Checks, AlikeWorkIsBounded) {
  Image image = sample_image();
  image.states.push_back(image.states[2]);  // the same by a dense row
  image.states[4].row.base_row = 1;
  const Bytes bytes = encode(image);
  EXPECT_EQ(refusal(bytes, {.max_alike_work = 3}), "");
  EXPECT_EQ(refusal(bytes, {.max_alike_work = 2}), "alike-work");
  EXPECT_EQ(refusal(encode(sample_image()), {.max_alike_work = 0}), "")
      << "rows of one number are not compared";
}

TEST(Checks, OptionalSectionsAreSkipped) {
  const Bytes plain = encode(sample_image());
  for (const uint32_t id : {kOptionalSection, 0xffffffffu}) {
    for (const size_t size : {0, 1, 64}) {
      const auto result = decode(with_section(plain, id, Bytes(size, std::byte{7})));
      ASSERT_TRUE(std::holds_alternative<Table>(result)) << std::get<DecodeError>(result).message;
      EXPECT_EQ(std::get<Table>(result).image(), sample_image());
    }
  }
}

std::string read_text(const std::filesystem::path &path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// The names that follow each `before` in a text.
std::set<std::string> names_after(const std::string &before, const std::string &text) {
  std::set<std::string> names;
  for (size_t at = text.find(before); at != std::string::npos; at = text.find(before, at)) {
    at += before.size();
    const size_t end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz-", at);
    names.insert(text.substr(at, end - at));
  }
  return names;
}

// The page, the code and these tests name the same checks.
TEST(Checks, FormatPageCodeAndTestsAgree) {
  const std::filesystem::path folder = AGENTFENSE_TABLE_DIR;
  const std::string page = read_text(folder / "FORMAT.md");
  const std::string list =
      page.substr(page.find("\n## Checks"), page.find("\n## Limits") - page.find("\n## Checks"));
  const std::set<std::string> documented = names_after("\n| `", list);

  std::set<std::string> coded;
  for (const auto &entry : std::filesystem::directory_iterator(folder)) {
    if (!entry.path().filename().string().starts_with("check_") || entry.path().extension() != ".cc")
      continue;
    const std::string code = read_text(entry.path());
    for (const char *before : {"fail(\"", "check_starts(\""}) coded.merge(names_after(before, code));
  }

  std::set<std::string> tested = {"digest", "file-limit", "alike-work"};
  for (const Case &c : all_cases()) tested.insert(c.check);

  EXPECT_THAT(coded, testing::ContainerEq(documented));
  EXPECT_THAT(tested, testing::ContainerEq(documented));
}

}  // namespace
}  // namespace agentfense::table
