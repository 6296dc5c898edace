// make_table OUT.aft LEVEL [LEVEL:/NAME | LEVEL:**/NAME]...
//
// Writes a small table without the compiler, so that the helper's tests need none. The first level is that of
// every path; /NAME gives a directory of the root and all below it another one; **/NAME does so at every depth
// and wins over the others.
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "compiler/table/encode.h"
#include "compiler/table/image.h"

namespace {

using namespace agentfense::table;

struct Entry {
  Level level = Level::none;
  bool any_depth = false;
  std::string name;
};

bool parse_level(const std::string &text, Level &level) {
  constexpr const char *kNames[] = {"none", "view", "read", "write"};
  for (int i = 0; i < 4; ++i) {
    if (text == kNames[i]) {
      level = static_cast<Level>(i);
      return true;
    }
  }
  return false;
}

// A trie of the names; class i+1 is entries[i].name, class 0 all others.
Classifier classifier_of(const std::vector<Entry> &entries) {
  Classifier classifier;
  classifier.byte_classes = 256;
  for (int byte = 1; byte < 256; ++byte) {
    classifier.byte_class[static_cast<size_t>(byte)] = static_cast<uint8_t>(byte == '/' ? 0 : byte);
  }
  // State 1 is where every other name goes.
  std::vector<std::vector<uint32_t>> rows(2, std::vector<uint32_t>(256, 1));
  std::vector<uint32_t> classes(2, 0);
  for (size_t i = 0; i < entries.size(); ++i) {
    size_t state = 0;
    for (unsigned char byte : entries[i].name) {
      if (rows[state][byte] == 1) {
        rows[state][byte] = static_cast<uint32_t>(rows.size());
        rows.emplace_back(256, 1);
        classes.push_back(0);
      }
      state = rows[state][byte];
    }
    classes[state] = static_cast<uint32_t>(i) + 1;
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    Classifier::State state;
    state.row.base_row = static_cast<uint32_t>(i);
    state.component_class = classes[i];
    classifier.states.push_back(state);
    classifier.base_rows.insert(classifier.base_rows.end(), rows[i].begin(), rows[i].end());
  }
  return classifier;
}

// State 0 is the root, 1 below it, 2+i below entries[i].
Image image_of(Level everywhere, const std::vector<Entry> &entries, const std::vector<std::string> &texts) {
  Image image;
  image.policy = "test";
  image.files = {"test"};
  image.labels.resize(1);
  image.classifier = classifier_of(entries);
  const size_t width = entries.size() + 1;
  image.component_classes = static_cast<uint32_t>(width);
  std::vector<Level> levels = {everywhere, everywhere};
  for (const Entry &entry : entries) levels.push_back(entry.level);

  std::vector<std::vector<uint32_t>> rows;
  for (size_t state = 0; state < levels.size(); ++state) {
    const bool decided = state >= 2 && entries[state - 2].any_depth;
    std::vector<uint32_t> row(width, static_cast<uint32_t>(state == 0 ? 1 : state));
    for (size_t i = 0; i < entries.size() && !decided; ++i) {
      if (entries[i].any_depth || state == 0) row[i + 1] = static_cast<uint32_t>(i + 2);
    }
    rows.push_back(row);
  }
  for (size_t state = 0; state < levels.size(); ++state) {
    // One more step than there are states reaches all that can be reached.
    std::vector<bool> below(levels.size());
    for (size_t round = 0; round <= levels.size(); ++round) {
      for (size_t from = 0; from < levels.size(); ++from) {
        if (from != state && !below[from]) continue;
        for (uint32_t target : rows[from]) below[target] = true;
      }
    }
    PathState described;
    described.row.base_row = static_cast<uint32_t>(state);
    described.level = levels[state];
    described.alike = static_cast<uint32_t>(state);
    described.uniform_below = true;
    described.below = levels[rows[state][0]];
    for (size_t target = 0; target < levels.size(); ++target) {
      if (!below[target]) continue;
      described.visible_below = described.visible_below || levels[target] > Level::none;
      described.uniform_below = described.uniform_below && levels[target] == described.below;
    }
    for (uint32_t target : rows[state]) {
      described.writable_child = described.writable_child || levels[target] == Level::write;
      image.base_rows.push_back({target, 0});
    }
    image.states.push_back(described);
  }
  for (size_t i = 0; i < texts.size(); ++i) {
    image.rules.push_back(
        {false, i == 0 ? everywhere : entries[i - 1].level, 0, static_cast<uint32_t>(i + 1), texts[i], ""});
  }
  return image;
}

}  // namespace

int main(int argc, char **argv) {
  Level everywhere = Level::none;
  if (argc < 3 || !parse_level(argv[2], everywhere)) {
    std::fputs("usage: make_table OUT.aft LEVEL [LEVEL:/NAME | LEVEL:**/NAME]...\n", stderr);
    return 2;
  }
  std::vector<Entry> entries;
  std::vector<std::string> texts = {argv[2]};
  for (int i = 3; i < argc; ++i) {
    std::string text = argv[i];
    size_t colon = text.find(':');
    Entry entry;
    if (colon == std::string::npos || !parse_level(text.substr(0, colon), entry.level)) {
      std::fprintf(stderr, "make_table: %s is not LEVEL:/NAME\n", argv[i]);
      return 2;
    }
    std::string pattern = text.substr(colon + 1);
    entry.any_depth = pattern.starts_with("**/");
    entry.name = pattern.substr(entry.any_depth ? 3 : 1);
    entries.push_back(entry);
    texts.push_back(text);
  }
  std::vector<std::byte> bytes = encode(image_of(everywhere, entries, texts));
  std::ofstream out(argv[1], std::ios::binary);
  out.write(reinterpret_cast<const char *>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return out.flush() ? 0 : 2;
}
