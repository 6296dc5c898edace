#include "tests/table/sample_tables.h"

#include <algorithm>
#include <map>
#include <string>

namespace agentfense::table {
namespace {

// The row of one state, for either level.
template <typename Exceptions>
const typename Exceptions::value_type *find_exception(const Exceptions &exceptions, const RowRef &row,
                                                      uint32_t symbol) {
  for (uint32_t i = row.exception_begin; i < row.exception_begin + row.exception_count; ++i) {
    if (exceptions[i].symbol == symbol) return &exceptions[i];
  }
  return nullptr;
}

// A DFA for { "src", "*.key" } by states that are the bytes seen so far, as far as they matter. The
// start state spells its whole row out, so that there is a state with more than two exceptions.
Classifier sample_classifier() {
  const std::string letters = "src.key";
  Classifier classifier;
  for (size_t i = 0; i < letters.size(); ++i) {
    classifier.byte_class[static_cast<unsigned char>(letters[i])] = static_cast<uint8_t>(i + 1);
  }
  classifier.byte_classes = 8;

  const auto reduce = [](const std::string &seen) {
    for (const std::string whole : {"", "s", "sr", "src"}) {
      if (seen == whole) return seen;
    }
    for (const std::string suffix : {".key", ".ke", ".k", "."}) {
      if (seen.ends_with(suffix)) return "*" + suffix;
    }
    return std::string("*");
  };
  std::map<std::string, uint32_t> numbers = {{"", 0}};
  std::vector<std::string> states = {""};
  for (size_t state = 0; state < states.size(); ++state) {
    const uint32_t begin = static_cast<uint32_t>(classifier.exceptions.size());
    uint32_t other = 0;
    for (uint32_t symbol = 0; symbol < 8; ++symbol) {
      const std::string next = reduce(states[state] + (symbol == 0 ? '-' : letters[symbol - 1]));
      const auto [at, added] = numbers.try_emplace(next, static_cast<uint32_t>(states.size()));
      if (added) states.push_back(next);
      if (symbol == 0) {
        other = at->second;
        if (classifier.base_rows.empty()) classifier.base_rows.assign(8, other);
      } else if (at->second != other || state == 0) {
        classifier.exceptions.push_back({symbol, at->second});
      }
    }
    const uint32_t count = static_cast<uint32_t>(classifier.exceptions.size()) - begin;
    const std::string &seen = states[state];
    const uint32_t component_class = seen == "src" ? 1 : seen == "*.key" ? 2 : 0;
    // Only the start state leans on the dense row, the others on a constant one of the same target.
    const uint32_t base = state == 0 ? 0 : kConstantRow | other;
    classifier.states.push_back({{base, begin, count}, component_class});
  }
  return classifier;
}

Classifier random_classifier(std::mt19937 &random, const RandomShape &shape) {
  const auto below = [&](uint32_t n) { return std::uniform_int_distribution<uint32_t>(0, n - 1)(random); };
  Classifier classifier;
  classifier.byte_classes = shape.byte_classes;
  for (uint32_t byte = 1; byte < 256; ++byte) {
    if (byte != '/') classifier.byte_class[byte] = static_cast<uint8_t>(byte % shape.byte_classes);
  }
  const uint32_t rows = std::min(shape.base_rows, shape.classifier_states);
  for (uint32_t i = 0; i < rows * shape.byte_classes; ++i) {
    classifier.base_rows.push_back(below(shape.classifier_states));
  }
  for (uint32_t state = 0; state < shape.classifier_states; ++state) {
    const uint32_t begin = static_cast<uint32_t>(classifier.exceptions.size());
    // One exception leads on to the next state, so that a name leads to every state.
    const uint32_t way = below(shape.byte_classes);
    for (uint32_t symbol = 0; symbol < shape.byte_classes; ++symbol) {
      if (symbol == way) {
        classifier.exceptions.push_back({symbol, (state + 1) % shape.classifier_states});
      } else if (below(3) == 0) {
        classifier.exceptions.push_back({symbol, below(shape.classifier_states)});
      }
    }
    const uint32_t count = static_cast<uint32_t>(classifier.exceptions.size()) - begin;
    const uint32_t base = below(3) == 0 ? kConstantRow | below(shape.classifier_states) : below(rows);
    classifier.states.push_back({{base, begin, count}, state % shape.component_classes});
  }
  return classifier;
}

}  // namespace

Step dense_step(const Image &image, uint32_t state, uint32_t component_class) {
  const RowRef &row = image.states[state].row;
  const PathException *exception = find_exception(image.exceptions, row, component_class);
  if (exception != nullptr) return exception->step;
  if ((row.base_row & kConstantRow) != 0) return {row.base_row & ~kConstantRow, 0};
  return image.base_rows[size_t{row.base_row} * image.component_classes + component_class];
}

uint32_t dense_name_step(const Classifier &classifier, uint32_t state, uint32_t symbol) {
  const RowRef &row = classifier.states[state].row;
  const ByteException *exception = find_exception(classifier.exceptions, row, symbol);
  if (exception != nullptr) return exception->target;
  if ((row.base_row & kConstantRow) != 0) return row.base_row & ~kConstantRow;
  return classifier.base_rows[size_t{row.base_row} * classifier.byte_classes + symbol];
}

uint32_t dense_classify(const Image &image, std::string_view name) {
  const Classifier &classifier = image.classifier;
  uint32_t state = 0;
  for (const char c : name) {
    const uint32_t symbol = classifier.byte_class[static_cast<unsigned char>(c)];
    state = dense_name_step(classifier, state, symbol);
  }
  return classifier.states[state].component_class;
}

void fill_claims(Image &image) {
  const uint32_t states = static_cast<uint32_t>(image.states.size());
  const auto successors = [&](uint32_t state) {
    std::vector<uint32_t> targets;
    for (uint32_t c = 0; c < image.component_classes; ++c)
      targets.push_back(dense_step(image, state, c).target);
    return targets;
  };
  for (PathState &state : image.states) {
    state.visible_below = false;
    state.writable_child = false;
    state.alike = 0;
  }
  // Below: what levels some path strictly below has, as a set of bits, by growing it to the end.
  std::vector<uint32_t> levels(states, 0);
  for (bool grown = true; grown;) {
    grown = false;
    for (uint32_t s = 0; s < states; ++s) {
      uint32_t set = levels[s];
      for (const uint32_t t : successors(s))
        set |= levels[t] | 1u << static_cast<uint32_t>(image.states[t].level);
      grown |= set != levels[s];
      levels[s] = set;
    }
  }
  // Alike: refine by level, then by the numbers of the successors, until nothing splits.
  for (size_t before = 0;;) {
    std::map<std::pair<Level, std::vector<uint32_t>>, uint32_t> groups;
    std::vector<uint32_t> numbers;
    for (uint32_t s = 0; s < states; ++s) {
      std::vector<uint32_t> key = {image.states[s].alike};
      for (const uint32_t t : successors(s)) key.push_back(image.states[t].alike);
      const auto next = static_cast<uint32_t>(groups.size());
      numbers.push_back(groups.try_emplace({image.states[s].level, key}, next).first->second);
    }
    for (uint32_t s = 0; s < states; ++s) image.states[s].alike = numbers[s];
    if (groups.size() == before) break;
    before = groups.size();
  }
  for (uint32_t s = 0; s < states; ++s) {
    PathState &state = image.states[s];
    state.visible_below = (levels[s] & ~1u) != 0;
    state.uniform_below = (levels[s] & (levels[s] - 1)) == 0;
    state.below = Level::none;
    for (uint32_t level = 0; level < 4 && state.uniform_below; ++level) {
      if (levels[s] == 1u << level) state.below = static_cast<Level>(level);
    }
    for (const uint32_t t : successors(s)) state.writable_child |= image.states[t].level == Level::write;
  }
}

Image sample_image() {
  Image image;
  image.policy = "sample";
  for (size_t i = 0; i < image.source_digest.size(); ++i) image.source_digest[i] = static_cast<uint8_t>(i);
  image.files = {"main.afp", "team.afp"};
  image.rules = {{false, Level::read, 0, 3, "allow read /", ""},
                 {false, Level::write, 0, 4, "allow write /src", "the agent's job"},
                 {true, Level::none, 1, 1, "limit none **/*.key", "keys \"stay\" home"}};
  image.slots = 2;
  image.labels = {{}, {{0, 0}}, {{0, 1}}, {{1, 2}}, {{0, kNoRule}, {1, kNoRule}}};
  image.start_label = 1;
  image.classifier = sample_classifier();
  image.component_classes = 3;
  image.base_rows = {{3, 0}, {3, 0}, {2, 3}, {2, 0}, {2, 0}, {2, 0}};  // the second for tests to lean on
  image.exceptions = {{1, {1, 2}}, {0, {1, 0}}, {1, {1, 0}}};
  image.states.resize(4);
  image.states[0] = {.row = {0, 0, 1}, .level = Level::read};
  image.states[1] = {.row = {0, 1, 2}, .level = Level::write};
  image.states[2] = {.row = {kConstantRow | 2, 3, 0}, .level = Level::none, .deciding_slot = 1};
  image.states[3] = {.row = {0, 3, 0}, .level = Level::read};
  fill_claims(image);
  return image;
}

Image random_image(std::mt19937 &random, const RandomShape &shape) {
  const auto below = [&](uint32_t n) { return std::uniform_int_distribution<uint32_t>(0, n - 1)(random); };
  Image image;
  image.policy = "random";
  image.files = {"a.afp"};
  image.slots = 1 + below(3);
  for (uint32_t i = 0; i < 4; ++i) {
    image.rules.push_back(
        {below(2) == 0, static_cast<Level>(below(4)), 0, i, "rule", std::string(below(3), 'r')});
  }
  image.labels.emplace_back();
  for (uint32_t i = 0; i < 4; ++i) {
    std::vector<SlotUpdate> updates;
    for (uint32_t slot = 0; slot < image.slots; ++slot) {
      if (below(2) == 0) updates.push_back({slot, below(4)});
    }
    image.labels.push_back(updates);
  }
  image.start_label = below(5);
  image.classifier = random_classifier(random, shape);

  const uint32_t rows = std::min(shape.base_rows, shape.path_states);
  const uint32_t levels = 1 + below(4);  // few levels make uniform and alike states likely
  const uint32_t width = shape.component_classes;
  image.component_classes = width;
  for (uint32_t i = 0; i < rows * width; ++i) image.base_rows.push_back({below(shape.path_states), below(5)});
  if (below(2) == 0) std::fill_n(image.base_rows.begin(), width, Step{below(shape.path_states), 1});
  for (uint32_t s = 0; s < shape.path_states; ++s) {
    PathState state;
    state.level = static_cast<Level>(below(levels));
    state.deciding_slot = below(image.slots);
    const uint32_t base = below(3) == 0 ? kConstantRow | below(shape.path_states) : below(rows);
    state.row = {base, static_cast<uint32_t>(image.exceptions.size()), 0};
    const uint32_t density = 1 + below(4);
    for (uint32_t c = 0; c < width; ++c) {
      if (below(4) < density) continue;
      image.exceptions.push_back({c, {below(shape.path_states), below(5)}});
      ++state.row.exception_count;
    }
    image.states.push_back(state);
  }
  fill_claims(image);
  return image;
}

}  // namespace agentfense::table
