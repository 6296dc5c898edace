#include "compiler/emit_table.h"

#include <algorithm>
#include <map>

#include "compiler/automaton/minimize.h"
#include "compiler/source_digest.h"

namespace agentfense::compiler {
namespace {

table::Level convert(lang::Level level) { return static_cast<table::Level>(level); }

// Letter -> component class. Two letters share a class where each state lists both or neither, with
// the same edge; what no state lists follows the base's loop.
std::vector<uint32_t> merge_letters(const SparseDfa &paths, uint32_t &classes) {
  std::vector<std::vector<uint32_t>> column(paths.width);
  for (uint32_t s = 0; s < paths.states.size(); ++s) {
    for (const Edge &e : paths.edges_of(s)) {
      column[e.symbol].insert(column[e.symbol].end(), {s, e.target, e.label});
    }
  }
  std::map<std::vector<uint32_t>, uint32_t> ids;
  std::vector<uint32_t> class_of(paths.width);
  for (uint32_t x = 0; x < paths.width; ++x) {
    class_of[x] = ids.try_emplace(std::move(column[x]), static_cast<uint32_t>(ids.size())).first->second;
  }
  classes = static_cast<uint32_t>(ids.size());
  return class_of;
}

// Decides which bases get a dense row and which are a constant row with exceptions, and gives each
// state its RowRef. `Cell` is what a dense row holds, `Exception` an entry of the list.
template <typename Cell, typename Exception, typename MakeCell, typename MakeException>
std::vector<table::RowRef> pack_rows(const SparseDfa &dfa, std::vector<Cell> &base_rows,
                                     std::vector<Exception> &exceptions, MakeCell make_cell,
                                     MakeException make_exception) {
  constexpr uint32_t kUnset = 0xffffffff;
  std::vector<uint32_t> leaning(dfa.states.size());
  for (const SparseDfa::State &state : dfa.states) ++leaning[state.base];

  std::vector<uint32_t> dense(dfa.states.size(), kUnset);
  const auto dense_row = [&](uint32_t base) {
    if (dense[base] != kUnset) return dense[base];
    const uint32_t row = static_cast<uint32_t>(base_rows.size() / dfa.width);
    dense[base] = row;
    base_rows.resize(base_rows.size() + dfa.width, make_cell(Edge{0, base, 0}));
    for (const Edge &e : dfa.edges_of(base)) base_rows[size_t{row} * dfa.width + e.symbol] = make_cell(e);
    return row;
  };
  // A dense row pays where the exceptions that it saves, over all states that lean on it, would take
  // more room or more than a short search.
  const auto wants_dense = [&](uint32_t base) {
    const size_t listed = dfa.states[base].count;
    const bool saves_room = listed * leaning[base] * sizeof(Exception) >= dfa.width * sizeof(Cell);
    return listed > 64 || (listed > 8 && saves_room);
  };

  std::vector<table::RowRef> refs;
  for (uint32_t s = 0; s < dfa.states.size(); ++s) {
    const uint32_t base = dfa.states[s].base;
    table::RowRef ref{table::kConstantRow | base, static_cast<uint32_t>(exceptions.size()), 0};
    if (wants_dense(base)) {
      ref.base_row = dense_row(base);
      if (s != base) {
        for (const Edge &e : dfa.edges_of(s)) exceptions.push_back(make_exception(e));
      }
    } else {
      // Own edges first where both speak; both lists are sorted.
      const std::span<const Edge> own = s == base ? std::span<const Edge>{} : dfa.edges_of(s);
      const std::span<const Edge> shared = dfa.edges_of(base);
      size_t i = 0, j = 0;
      while (i < own.size() || j < shared.size()) {
        const bool take_own = j == shared.size() || (i < own.size() && own[i].symbol <= shared[j].symbol);
        const Edge &e = take_own ? own[i] : shared[j];
        if (take_own && j < shared.size() && shared[j].symbol == e.symbol) ++j;
        take_own ? ++i : ++j;
        if (e.target != base || e.label != 0) exceptions.push_back(make_exception(e));
      }
    }
    ref.exception_count = static_cast<uint32_t>(exceptions.size()) - ref.exception_begin;
    refs.push_back(ref);
  }
  return refs;
}

// States in the order in which reading names meets them, first edge first: a name then walks through
// neighbouring records, which takes a fifth off a look-up in a table that the cache does not hold.
SparseDfa depth_first(const SparseDfa &dfa) {
  constexpr uint32_t kUnset = 0xffffffff;
  std::vector<uint32_t> number(dfa.states.size(), kUnset);
  std::vector<uint32_t> order;
  std::vector<uint32_t> work{dfa.start};
  while (!work.empty()) {
    const uint32_t s = work.back();
    work.pop_back();
    if (number[s] != kUnset) continue;
    number[s] = static_cast<uint32_t>(order.size());
    order.push_back(s);
    work.push_back(dfa.states[s].base);
    const std::span<const Edge> edges = dfa.edges_of(s);
    for (auto e = edges.rbegin(); e != edges.rend(); ++e) work.push_back(e->target);
  }
  SparseDfa result;
  result.width = dfa.width;
  for (const uint32_t s : order) {
    SparseDfa::State state = dfa.states[s];
    const std::span<const Edge> edges = dfa.edges_of(s);
    state.base = number[state.base];
    state.begin = static_cast<uint32_t>(result.edges.size());
    for (const Edge &e : edges) result.edges.push_back({e.symbol, number[e.target], e.label});
    result.states.push_back(state);
  }
  return result;
}

void emit_classifier(const NameAutomaton &names, const std::vector<uint32_t> &class_of,
                     table::Classifier &out) {
  SparseDfa dfa = names.dfa;
  for (SparseDfa::State &state : dfa.states) state.out = class_of[state.out];
  dfa = depth_first(minimize(dfa).dfa);
  out.byte_class = names.byte_class;
  out.byte_classes = dfa.width;
  const std::vector<table::RowRef> rows = pack_rows(
      dfa, out.base_rows, out.exceptions, [](const Edge &e) { return e.target; },
      [](const Edge &e) {
        return table::ByteException{e.symbol, e.target};
      });
  for (size_t s = 0; s < rows.size(); ++s) out.states.push_back({rows[s], dfa.states[s].out});
}

void emit_paths(const Automaton &a, const std::vector<uint32_t> &class_of, uint32_t classes,
                table::Image &image) {
  // One edge per class: letters of one class have equal edges in every state.
  SparseDfa dfa;
  dfa.width = classes;
  dfa.start = a.paths.start;
  for (uint32_t s = 0; s < a.paths.states.size(); ++s) {
    SparseDfa::State state{a.paths.states[s].base, static_cast<uint32_t>(dfa.edges.size()), 0, 0};
    for (const Edge &e : a.paths.edges_of(s)) dfa.edges.push_back({class_of[e.symbol], e.target, e.label});
    const auto begin = dfa.edges.begin() + state.begin;
    std::sort(begin, dfa.edges.end(), [](const Edge &x, const Edge &y) { return x.symbol < y.symbol; });
    dfa.edges.erase(std::unique(begin, dfa.edges.end(),
                                [](const Edge &x, const Edge &y) { return x.symbol == y.symbol; }),
                    dfa.edges.end());
    state.count = static_cast<uint32_t>(dfa.edges.size()) - state.begin;
    dfa.states.push_back(state);
  }
  image.component_classes = classes;
  const std::vector<table::RowRef> rows = pack_rows(
      dfa, image.base_rows, image.exceptions,
      [](const Edge &e) {
        return table::Step{e.target, e.label};
      },
      [](const Edge &e) {
        return table::PathException{e.symbol, {e.target, e.label}};
      });
  for (size_t s = 0; s < rows.size(); ++s) {
    const StateFacts &f = a.facts[s];
    image.states.push_back({rows[s], convert(f.level), f.visible_below, f.uniform_below, convert(f.below),
                            f.writable_child, f.alike, f.slot});
  }
}

}  // namespace

table::Image emit_table(const lang::RuleSet &rules, const Automaton &automaton) {
  table::Image image;
  image.policy = rules.policy;
  image.source_digest = source_digest(rules);
  for (uint32_t f = 0; f < rules.files.size(); ++f) image.files.push_back(portable_name(rules, f));
  for (const lang::Rule &rule : rules.rules) {
    image.rules.push_back({rule.kind == lang::Rule::Kind::limit, convert(rule.level), rule.place.file,
                           rule.place.line, rule.text, rule.reason});
  }
  image.slots = automaton.slots;
  for (const std::vector<ProvenanceUpdate> &label : automaton.labels) {
    std::vector<table::SlotUpdate> &updates = image.labels.emplace_back();
    for (const ProvenanceUpdate &u : label) updates.push_back({u.slot, u.rule});
  }
  image.start_label = automaton.start_label;

  uint32_t classes = 0;
  const std::vector<uint32_t> class_of = merge_letters(automaton.paths, classes);
  emit_classifier(automaton.names, class_of, image.classifier);
  emit_paths(automaton, class_of, classes, image);
  return image;
}

}  // namespace agentfense::compiler
