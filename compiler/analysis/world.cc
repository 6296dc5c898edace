#include "compiler/analysis/world.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <queue>

namespace agentfense::compiler {
namespace {

// The least letter that `taken` does not want.
template <typename Taken>
std::optional<uint32_t> first_free(const Alphabet &alphabet, const Taken &taken) {
  for (const uint32_t x : alphabet.by_name) {
    if (!taken(x)) return x;
  }
  return std::nullopt;
}

using Ranks = std::vector<uint32_t>;
using Skip = std::function<bool(uint32_t letter)>;

// Letters of one target, as sorted ranks; groups by their first. Of each group one letter is enough, the
// first that need not be skipped.
using Groups = std::vector<Ranks>;

// Gives the letters of several lists of groups as one.
class Merge {
 public:
  explicit Merge(const Alphabet &alphabet) : alphabet_(alphabet) {}

  // REQUIRES: the groups outlive the merge.
  void add(const Groups &groups, Skip skip) { parts_.push_back({&groups, 0, std::move(skip)}); }
  void add(uint32_t letter) { later_.push(alphabet_.rank[letter]); }

  std::optional<uint32_t> next() {
    Part *least = nullptr;
    for (Part &part : parts_) {
      pass_skipped(part);
      if (part.at == part.groups->size()) continue;
      if (!least || part.first() < least->first()) least = &part;
    }
    if (!later_.empty() && (!least || later_.top() < least->first())) {
      const uint32_t rank = later_.top();
      later_.pop();
      return alphabet_.by_name[rank];
    }
    if (!least) return std::nullopt;
    const uint32_t rank = least->first();
    ++least->at;
    return alphabet_.by_name[rank];
  }

 private:
  struct Part {
    const Groups *groups;
    size_t at;
    Skip skip;
    [[nodiscard]] uint32_t first() const { return (*groups)[at].front(); }
  };

  // A group whose first letter is skipped comes again with a later one.
  void pass_skipped(Part &part) {
    for (; part.at < part.groups->size(); ++part.at) {
      const Ranks &group = (*part.groups)[part.at];
      const auto fit =
          std::ranges::find_if_not(group, [&](uint32_t rank) { return part.skip(alphabet_.by_name[rank]); });
      if (fit == group.begin()) return;
      if (fit != group.end()) later_.push(*fit);
    }
  }

  const Alphabet &alphabet_;
  std::vector<Part> parts_;
  std::priority_queue<uint32_t, std::vector<uint32_t>, std::greater<>> later_;  // ranks
};

class AutomatonLetters {
 public:
  AutomatonLetters(const Automaton &automaton, const Alphabet &alphabet)
      : automaton_(automaton), alphabet_(alphabet), groups_(automaton.paths.states.size()) {}

  LetterCursor others(uint32_t state, const std::vector<uint32_t> &apart) {
    const SparseDfa &paths = automaton_.paths;
    const uint32_t base = paths.states[state].base;
    auto merge = std::make_shared<Merge>(alphabet_);
    const auto is_apart = [&apart](uint32_t x) { return std::ranges::binary_search(apart, x); };
    merge->add(groups_of(state), is_apart);
    if (base != state) {
      merge->add(groups_of(base), [&paths, state, is_apart, this](uint32_t x) {
        return is_apart(x) || paths.find(state, alphabet_.to_automaton[x]) != nullptr;
      });
    }
    const auto taken = [&](uint32_t x) {
      const uint32_t symbol = alphabet_.to_automaton[x];
      return is_apart(x) || paths.find(state, symbol) || paths.find(base, symbol);
    };
    if (const std::optional<uint32_t> x = first_free(alphabet_, taken)) merge->add(*x);
    return [merge] { return merge->next(); };
  }

 private:
  const Groups &groups_of(uint32_t state) {
    std::optional<Groups> &known = groups_[state];
    if (known) return *known;
    std::map<uint32_t, Ranks> by_target;
    for (const Edge &e : automaton_.paths.edges_of(state)) {
      for (const uint32_t x : alphabet_.of_automaton[e.symbol]) {
        by_target[e.target].push_back(alphabet_.rank[x]);
      }
    }
    known.emplace();
    for (auto &[target, ranks] : by_target) {
      std::ranges::sort(ranks);
      known->push_back(std::move(ranks));
    }
    std::ranges::sort(*known);
    return *known;
  }

  const Automaton &automaton_;
  const Alphabet &alphabet_;
  std::vector<std::optional<Groups>> groups_;  // per state, of its edges; made when first asked for
};

LetterCursor cursor_over(const Alphabet &alphabet, std::vector<uint32_t> letters,
                         const std::vector<uint32_t> &apart, Choice choice) {
  std::ranges::sort(letters);
  letters.erase(std::unique(letters.begin(), letters.end()), letters.end());
  // One letter that nothing waits for stands for all of those.
  const auto taken = [&](uint32_t x) {
    return std::ranges::binary_search(letters, x) || std::ranges::binary_search(apart, x);
  };
  auto merge = std::make_shared<Merge>(alphabet);
  const std::optional<uint32_t> free = first_free(alphabet, taken);
  if (free) merge->add(*free);
  if (choice == Choice::few && free) letters.clear();
  for (const uint32_t x : letters) {
    if (!std::ranges::binary_search(apart, x)) merge->add(x);
  }
  return [merge] { return merge->next(); };
}

}  // namespace

World automaton_world(const Automaton &automaton, const Alphabet &alphabet) {
  World world;
  world.start = {automaton.paths.start};
  world.step = [&](Words at, uint32_t letter, std::vector<uint32_t> &next) {
    next.push_back(automaton.paths.row(at[0], alphabet.to_automaton[letter]).target);
  };
  world.others = [letters = std::make_shared<AutomatonLetters>(automaton, alphabet)](
                     Words at, const std::vector<uint32_t> &apart) { return letters->others(at[0], apart); };
  return world;
}

World rules_world(const Automaton &automaton, const Alphabet &alphabet, const PathStepper &stepper,
                  Choice choice) {
  World world;
  std::vector<ProvenanceUpdate> updates;
  encode_state(stepper.start(updates), world.start);
  world.step = [&](Words at, uint32_t letter, std::vector<uint32_t> &next) {
    const PathState state = decode_state(at);
    std::vector<uint32_t> entered;
    stepper.entered_by(state.nodes, automaton.names.letters[letter], entered);
    std::vector<ProvenanceUpdate> unused;
    std::vector<uint32_t> words;
    encode_state(stepper.advance(state, entered, unused), words);
    next.insert(next.end(), words.begin(), words.end());
  };
  world.others = [&, choice](Words at, const std::vector<uint32_t> &apart) {
    std::vector<uint32_t> letters;
    for (const uint32_t n : decode_state(at).nodes) {
      for (const auto &[glob, child] : automaton.trie.nodes[n].edges) {
        const std::vector<uint32_t> &of = automaton.names.letters_of[glob];
        letters.insert(letters.end(), of.begin(), of.end());
      }
    }
    return cursor_over(alphabet, std::move(letters), apart, choice);
  };
  return world;
}

World empty_world(const Alphabet &alphabet) {
  World world;
  world.step = [](Words, uint32_t, std::vector<uint32_t> &) {};
  world.others = [&](Words, const std::vector<uint32_t> &apart) {
    return cursor_over(alphabet, {}, apart, Choice::all);
  };
  return world;
}

}  // namespace agentfense::compiler
