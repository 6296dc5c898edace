#include <algorithm>
#include <cstring>

#include "compiler/table/checks.h"
#include "compiler/table/digest.h"

namespace agentfense::table {
namespace {

const Header &header_of(std::span<const std::byte> bytes) {
  return *reinterpret_cast<const Header *>(bytes.data());
}

bool all_zero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

// The sections of the file, by id; the optional ones that this version does not know are left out.
struct Contents {
  std::array<std::span<const std::byte>, kSections + 1> by_id{};
  std::array<bool, kSections + 1> present{};
};

CheckResult read_section_table(std::span<const std::byte> bytes, Contents &contents) {
  const Header &header = header_of(bytes);
  if (header.section_count > kMaxSections) {
    return fail("section-count", "the header counts ", header.section_count, " sections, and ", kMaxSections,
                " is the limit");
  }
  const std::span<const std::byte> content = bytes.first(bytes.size() - kDigestSize);
  const size_t table_end = sizeof(Header) + header.section_count * sizeof(SectionEntry);
  if (table_end > content.size()) {
    return fail("section-table", "a table of ", header.section_count,
                " sections does not fit into a file of ", bytes.size(), " bytes");
  }
  const std::span entries(reinterpret_cast<const SectionEntry *>(bytes.data() + sizeof(Header)),
                          header.section_count);
  uint64_t end = table_end;
  uint32_t previous = 0;
  for (const SectionEntry &entry : entries) {
    if (entry.id <= previous) {
      return fail("section-order", "section ", entry.id, " stands after section ", previous);
    }
    previous = entry.id;
    if (entry.reserved != 0) {
      return fail("section-reserved", "section ", entry.id, " has a reserved word of ", entry.reserved);
    }
    if (entry.offset != end) {
      return fail("section-offset", "section ", entry.id, " starts at ", entry.offset, " instead of ", end);
    }
    const uint64_t section_end = uint64_t{entry.offset} + entry.size;
    end = align_up(section_end);
    if (end > content.size()) {
      return fail("section-bounds", "section ", entry.id, " ends at ", section_end, ", beyond the ",
                  content.size(), " bytes of content");
    }
    if (!all_zero(content.subspan(section_end, end - section_end))) {
      return fail("section-padding", "the padding after section ", entry.id, " is not zero");
    }
    if (entry.id <= kSections) {
      contents.by_id[entry.id] = content.subspan(entry.offset, entry.size);
      contents.present[entry.id] = true;
    } else if ((entry.id & kOptionalSection) == 0) {
      return fail("section-unknown", "section ", entry.id,
                  " is needed to understand this table and not known here");
    }
  }
  if (end != content.size()) {
    return fail("section-end", "the last section ends at ", end, " and the content at ", content.size());
  }
  for (uint32_t id = 1; id <= kSections; ++id) {
    if (!contents.present[id]) return fail("section-missing", "there is no section ", id);
  }
  return std::nullopt;
}

CheckResult check_header_counts(const Header &header) {
  if (header.reserved != 0) return fail("header-reserved", "the reserved word is ", header.reserved);
  if (header.byte_classes < 1 || header.byte_classes > kMaxByteClasses) {
    return fail("byte-classes", "there are ", header.byte_classes, " byte classes, not 1 to ",
                kMaxByteClasses);
  }
  if (header.component_classes < 1) return fail("component-classes", "there is no component class");
  if (header.slots < 1 || header.slots > kMaxSlots) {
    return fail("slots", "there are ", header.slots, " provenance slots, not 1 to ", kMaxSlots);
  }
  return std::nullopt;
}

// Views `id` as records of T that come in groups of `group`.
template <typename T>
CheckResult view(const Contents &contents, SectionId id, uint64_t group, std::span<const T> &records) {
  const std::span<const std::byte> bytes = contents.by_id[id];
  if (bytes.size() % (sizeof(T) * group) != 0) {
    return fail("section-size", "section ", static_cast<uint32_t>(id), " has ", bytes.size(),
                " bytes, no multiple of ", sizeof(T) * group);
  }
  records = {reinterpret_cast<const T *>(bytes.data()), bytes.size() / sizeof(T)};
  return std::nullopt;
}

CheckResult view_all(const Contents &contents, Sections &s) {
  if (auto f = view(contents, kByteClassSection, 1, s.byte_class)) return f;
  if (auto f = view(contents, kClassifierStateSection, 1, s.classifier_states)) return f;
  if (auto f = view(contents, kClassifierRowSection, s.header->byte_classes, s.classifier_rows)) return f;
  if (auto f = view(contents, kClassifierExceptionSection, 1, s.classifier_exceptions)) return f;
  if (auto f = view(contents, kPathStateSection, 1, s.path_states)) return f;
  if (auto f = view(contents, kPathRowSection, s.header->component_classes, s.path_rows)) return f;
  if (auto f = view(contents, kPathExceptionSymbolSection, 1, s.path_exception_symbols)) return f;
  if (auto f = view(contents, kPathExceptionStepSection, 1, s.path_exception_steps)) return f;
  if (auto f = view(contents, kLabelStartSection, 1, s.label_starts)) return f;
  if (auto f = view(contents, kLabelUpdateSection, 1, s.label_updates)) return f;
  if (auto f = view(contents, kRuleSection, 1, s.rules)) return f;
  if (auto f = view(contents, kStringStartSection, 1, s.string_starts)) return f;
  return view(contents, kStringByteSection, 1, s.string_bytes);
}

// A section has exactly, or from `least` to `most`, so many records.
CheckResult count(std::string_view what, uint64_t records, uint64_t least, uint64_t most) {
  if (records >= least && records <= most) return std::nullopt;
  return fail("record-count", "the file has ", records, " ", what, ", not ", least,
              most == least ? "" : " or more, up to ", most == least ? "" : std::to_string(most));
}

CheckResult check_counts(const Sections &s) {
  constexpr uint64_t kAny = UINT32_MAX;
  const uint64_t strings = string_count(s.header->files, s.header->rules);
  if (auto f = count("byte class entries", s.byte_class.size(), 256, 256)) return f;
  if (auto f = count("classifier states", s.classifier_states.size(), 1, kMaxClassifierStates)) return f;
  // More base rows than states would only be dead weight, and work for the checks.
  if (auto f = count("classifier base rows", s.classifier_row_count(), 0, s.classifier_states.size()))
    return f;
  if (auto f = count("path states", s.path_states.size(), 1, kAny)) return f;
  if (auto f = count("path base rows", s.path_row_count(), 0, s.path_states.size())) return f;
  const size_t symbols = s.path_exception_symbols.size();
  if (auto f = count("path exception steps", s.path_exception_steps.size(), symbols, symbols)) return f;
  if (auto f = count("label starts", s.label_starts.size(), 2, kAny)) return f;
  if (auto f = count("rules", s.rules.size(), s.header->rules, s.header->rules)) return f;
  return count("string starts", s.string_starts.size(), strings + 1, strings + 1);
}

}  // namespace

CheckResult check_size(size_t size, const DecodeLimits &limits) {
  if (size > limits.max_bytes) {
    return fail("file-limit", "the table has ", size, " bytes, and ", limits.max_bytes, " is the limit");
  }
  if (size < sizeof(Header) + kDigestSize) {
    return fail("file-short", "the file has ", size, " bytes, too few for the header of a table");
  }
  return std::nullopt;
}

CheckResult check_envelope(std::span<const std::byte> bytes) {
  const Header &header = header_of(bytes);
  if (header.magic != kMagic) return fail("magic", "the file does not begin as a table does");
  if (header.version != kVersion) {
    return fail("version", "the table has format version ", header.version, ", and this program reads ",
                kVersion);
  }
  if (header.file_size != bytes.size()) {
    return fail("file-size", "the header says ", header.file_size, " bytes, and the file has ", bytes.size());
  }
  const Sha256Digest digest = sha256(bytes.first(bytes.size() - kDigestSize));
  if (std::memcmp(digest.data(), bytes.last(kDigestSize).data(), kDigestSize) != 0) {
    return fail("digest",
                "the SHA-256 at the end does not match the content, so the file is damaged or changed");
  }
  return std::nullopt;
}

CheckResult check_sections(std::span<const std::byte> bytes, Sections &sections) {
  Contents contents;
  if (auto f = read_section_table(bytes, contents)) return f;
  sections.header = &header_of(bytes);
  if (auto f = check_header_counts(*sections.header)) return f;
  if (auto f = view_all(contents, sections)) return f;
  return check_counts(sections);
}

}  // namespace agentfense::table
