// Image: the content of a .aft table as plain data, before encoding and after decoding.
//
// Made by compiler/emit_table.cc (or a test); written by encode.h; read back by decode.h. FORMAT.md
// is the byte layout. Standard library only.
//
// A table is a two-level automaton. Level one, the classifier, is a DFA over the bytes of one name
// and ends in a *component class*. Level two, the path automaton, is a DFA over component classes;
// its state after the components of a path says everything the policy says about that path and
// about all paths below it. Rows of both are a shared dense base row plus a short list of
// exceptions, sorted by symbol: one level, no chains.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace agentfense::table {

enum class Level : uint8_t { none = 0, view = 1, read = 2, write = 3 };

inline constexpr uint32_t kNoRule = 0xffffffff;

// A base row without an array: where RowRef::base_row has this bit, the remaining bits are the target
// of every symbol (label 0). Many states wait below a `**` of their own; each needs a default that
// leads back to itself, and none of them needs a dense row for that.
inline constexpr uint32_t kConstantRow = 0x80000000;

// One row: row[s] = exceptions[i].target where exceptions[i].symbol == s for some i in
// [exception_begin, exception_begin + exception_count), else the base row's answer:
// base_row & ~kConstantRow where kConstantRow is set, else base_rows[base_row * width + s].
struct RowRef {
  uint32_t base_row = 0;
  uint32_t exception_begin = 0;
  uint32_t exception_count = 0;
  bool operator==(const RowRef &) const = default;
};

struct ByteException {
  uint32_t symbol = 0;  // byte class
  uint32_t target = 0;  // classifier state
  bool operator==(const ByteException &) const = default;
};

struct Classifier {
  std::array<uint8_t, 256> byte_class{};  // byte -> byte class; NUL and '/' map to class 0 too and are
                                          // never looked up
  uint32_t byte_classes = 1;              // width of a row, 1..256
  struct State {
    RowRef row;
    uint32_t component_class = 0;  // the class of a name that ends here
    bool operator==(const State &) const = default;
  };
  std::vector<State> states;        // state 0 is the start; never empty
  std::vector<uint32_t> base_rows;  // row-major, byte_classes wide, targets
  std::vector<ByteException> exceptions;
  bool operator==(const Classifier &) const = default;
};

// A transition of level two. `label` names what the step changes in the provenance slots.
struct Step {
  uint32_t target = 0;
  uint32_t label = 0;  // index into labels; label 0 is "nothing changes"
  bool operator==(const Step &) const = default;
};

struct PathException {
  uint32_t symbol = 0;  // component class
  Step step;
  bool operator==(const PathException &) const = default;
};

// Provenance. A walk carries one rule index per slot, all kNoRule at first; taking a transition
// writes `rule` into `slot` for each update of its label. The rule that decides at a state is the
// one in the slot that the state names (kNoRule: no rule covers the path, so the default, none).
struct SlotUpdate {
  uint32_t slot = 0;
  uint32_t rule = 0;
  bool operator==(const SlotUpdate &) const = default;
};

struct PathState {
  RowRef row;
  Level level = Level::none;    // effective level of the path
  bool visible_below = false;   // some path strictly below has a level above none
  bool uniform_below = false;   // every path strictly below has level `below`
  Level below = Level::none;    // meaningful only where uniform_below
  bool writable_child = false;  // some direct child has level write
  uint32_t alike = 0;           // equal numbers: the same levels here and everywhere below
  uint32_t deciding_slot = 0;   // < Image::slots
  bool operator==(const PathState &) const = default;
};

struct Rule {
  bool is_limit = false;
  Level level = Level::none;
  uint32_t file = 0;  // index into Image::files
  uint32_t line = 0;
  std::string text;
  std::string reason;
  bool operator==(const Rule &) const = default;
};

struct Image {
  std::string policy;
  std::array<uint8_t, 32> source_digest{};  // SHA-256 over names and texts of the sources
  std::vector<std::string> files;
  std::vector<Rule> rules;
  uint32_t slots = 1;
  std::vector<std::vector<SlotUpdate>> labels;  // labels[0] is empty
  uint32_t start_label = 0;                     // applied before the first step: rules that cover the root

  Classifier classifier;

  uint32_t component_classes = 1;  // width of a level-two row
  std::vector<PathState> states;   // state 0 is the root; never empty
  std::vector<Step> base_rows;     // row-major, component_classes wide
  std::vector<PathException> exceptions;
  bool operator==(const Image &) const = default;
};

}  // namespace agentfense::table
