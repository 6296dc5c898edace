#include "compiler/diff/letters.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "compiler/analysis/path_order.h"
#include "compiler/automaton/hash.h"

namespace agentfense::compiler::diff {
namespace {

// "", "." and ".." are no names: a walk stays marked until it has read more than those.
enum Mark : uint32_t { nothing_read, dot_read, dots_read, name_read };

Mark mark_after(Mark mark, unsigned char byte) {
  if (mark == name_read || byte != '.') return name_read;
  return mark == nothing_read ? dot_read : mark == dot_read ? dots_read : name_read;
}

// The least byte of each kind, in path order. Bytes are of one kind where both tables treat them alike;
// a dot is of its own kind for the sake of the marks.
std::vector<unsigned char> kinds_of_bytes(const table::Classifier &a, const table::Classifier &b) {
  std::vector<unsigned char> bytes;
  for (unsigned byte = 1; byte < 256; ++byte) {
    if (byte != '/') bytes.push_back(static_cast<unsigned char>(byte));
  }
  const auto text = [](const unsigned char &byte) {
    return std::string_view(reinterpret_cast<const char *>(&byte), 1);
  };
  std::ranges::sort(
      bytes, [&](const unsigned char &x, const unsigned char &y) { return path_less(text(x), text(y)); });
  std::map<std::tuple<bool, uint8_t, uint8_t>, bool> seen;
  std::erase_if(bytes, [&](unsigned char byte) {
    return !seen.try_emplace({byte == '.', a.byte_class[byte], b.byte_class[byte]}, true).second;
  });
  return bytes;
}

// A row written out.
void fill_row(const table::Classifier &c, uint32_t state, std::vector<uint32_t> &row) {
  const table::RowRef &ref = c.states[state].row;
  if (ref.base_row & table::kConstantRow) {
    row.assign(c.byte_classes, ref.base_row & ~table::kConstantRow);
  } else {
    const auto begin =
        c.base_rows.begin() + static_cast<std::ptrdiff_t>(size_t{ref.base_row} * c.byte_classes);
    row.assign(begin, begin + c.byte_classes);
  }
  for (uint32_t i = 0; i < ref.exception_count; ++i) {
    const table::ByteException &e = c.exceptions[ref.exception_begin + i];
    row[e.symbol] = e.target;
  }
}

struct Visit {
  uint32_t old_state;
  uint32_t new_state;
  uint32_t from;  // index of another visit
  Mark mark;
  unsigned char byte;
};

std::string name_of(const std::vector<Visit> &visits, uint32_t at) {
  std::string name;
  for (; at != 0; at = visits[at].from) name.push_back(static_cast<char>(visits[at].byte));
  std::ranges::reverse(name);
  return name;
}

struct KeyHash {
  size_t operator()(uint64_t key) const { return mix64(key); }
};

}  // namespace

// Breadth first, bytes in path order: names are met in path order, so that the first one with a letter is
// the least one.
std::optional<std::vector<Letter>> joint_letters(const table::Classifier &a, const table::Classifier &b,
                                                 uint64_t max_pairs) {
  const std::vector<unsigned char> bytes = kinds_of_bytes(a, b);
  std::vector<Letter> letters;
  std::unordered_set<uint64_t, KeyHash> seen_letters;
  std::array<std::unordered_set<uint64_t, KeyHash>, 4> seen;  // by mark
  std::vector<Visit> visits{{0, 0, 0, nothing_read, 0}};
  std::vector<uint32_t> old_row, new_row;
  for (uint32_t i = 0; i < visits.size(); ++i) {
    if (visits.size() > max_pairs) return std::nullopt;
    const Visit visit = visits[i];
    if (visit.mark == name_read) {
      const uint32_t old_class = a.states[visit.old_state].component_class;
      const uint32_t new_class = b.states[visit.new_state].component_class;
      if (seen_letters.insert(uint64_t{old_class} << 32 | new_class).second) {
        letters.push_back({old_class, new_class, name_of(visits, i)});
      }
    }
    fill_row(a, visit.old_state, old_row);
    fill_row(b, visit.new_state, new_row);
    // Neighbouring bytes often lead to one and the same place; no need to look that up twice.
    uint64_t last_key = 0;
    Mark last_mark = nothing_read;
    for (const unsigned char byte : bytes) {
      const uint32_t p = old_row[a.byte_class[byte]], q = new_row[b.byte_class[byte]];
      const Mark mark = mark_after(visit.mark, byte);
      const uint64_t key = uint64_t{p} << 32 | q;
      if (key == last_key && mark == last_mark) continue;
      last_key = key;
      last_mark = mark;
      if (seen[mark].insert(key).second) visits.push_back({p, q, i, mark, byte});
    }
  }
  return letters;
}

}  // namespace agentfense::compiler::diff
