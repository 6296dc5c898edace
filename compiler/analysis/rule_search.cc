#include "compiler/analysis/rule_search.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <queue>
#include <unordered_set>

#include "compiler/analysis/path_order.h"
#include "compiler/automaton/hash.h"

namespace agentfense::compiler {
namespace {

struct HashConfig {
  size_t operator()(const std::vector<uint32_t> &config) const {
    uint64_t hash = config.size();
    for (const uint32_t word : config) hash = mix64(hash ^ word);
    return hash;
  }
};

void sort_unique(std::vector<uint32_t> &letters) {
  std::ranges::sort(letters);
  letters.erase(std::unique(letters.begin(), letters.end()), letters.end());
}

}  // namespace

// A configuration is its walks' positions, each list after its length, then the world.
//
// Children come one by one, and only when the shortest of those that are left could be next: most searches
// end before, and a glob may match thousands of letters. Those of one row differ in where the walks stand
// (`listed`) or only in the world (`cursor`).
struct RuleSearch::Run {
  struct Row {
    std::string parent;
    const Config *from;
    size_t world_at;               // where the world begins in *from
    uint32_t expected;             // at least, after any of the letters
    std::vector<uint32_t> listed;  // letters, the least name first
    size_t at = 0;                 // in `listed`
    std::vector<uint32_t> apart;   // the cursor refers to it and to *from
    LetterCursor cursor;           // none before it is needed
  };
  struct Open {
    uint64_t key;  // twice the bytes; of equal ones rows come last going straight, else first: one of
                   // them may hold the lesser path
    std::string path;
    Config config;  // empty: stands for the rest of the row
    std::shared_ptr<Row> row;
  };
  struct Later {
    bool operator()(const Open &a, const Open &b) const {
      if (a.key != b.key) return a.key > b.key;
      if (a.path.size() != b.path.size()) return a.path.size() < b.path.size();
      return path_less(b.path, a.path);
    }
  };

  const RuleSearch &search;
  bool straight;
  uint64_t max_bytes;
  uint64_t max_steps;
  std::priority_queue<Open, std::vector<Open>, Later> open;
  std::unordered_set<Config, HashConfig> closed;  // its elements stay where they are
  uint64_t steps = 0;

  // A step through many patterns at once counts as several.
  Config next(Words from, uint32_t letter) {
    constexpr size_t kWordsOfOneStep = 64;
    steps += 1 + from.size() / kWordsOfOneStep;
    return search.next(from, letter);
  }

  void push(std::string path, Config config, std::shared_ptr<Row> row) {
    const uint64_t expected = path.size() + search.expected(config);
    if (expected > max_bytes) return;
    const uint64_t key = straight ? 2 * expected : 2 * path.size() + 1;
    open.push({key, std::move(path), std::move(config), std::move(row)});
  }

  // One that is too long ends the row: the next is no shorter and expects as much.
  void push_listed(std::shared_ptr<Row> row) {
    if (row->at == row->listed.size()) return;
    const uint64_t shortest = row->parent.size() + 1 + search.alphabet_.name(row->listed[row->at]).size();
    const uint64_t expected = shortest + row->expected;
    if (expected > max_bytes) return;
    open.push({straight ? 2 * expected + 1 : 2 * shortest, row->parent, {}, std::move(row)});
  }

  // The next child of the row, and what is left of it.
  void push_next(const std::shared_ptr<Row> &row) {
    const Words from(*row->from);
    if (row->at < row->listed.size()) {
      const uint32_t letter = row->listed[row->at++];
      Config config = next(from, letter);
      if (!closed.contains(config)) {
        push(row->parent + "/" + search.alphabet_.name(letter), std::move(config), nullptr);
      }
      push_listed(row);
      return;
    }
    if (!row->cursor) row->cursor = search.world_.others(from.subspan(row->world_at), row->apart);
    while (steps <= max_steps) {
      const std::optional<uint32_t> letter = row->cursor();
      if (!letter) return;
      Config config = next(from, *letter);
      if (closed.contains(config)) continue;
      // As with a list, one that is too long ends the row.
      push(row->parent + "/" + search.alphabet_.name(*letter), std::move(config), row);
      return;
    }
  }

  // REQUIRES: `config` stays where it is.
  void expand(const std::string &path, const Config &config) {
    const PatternWalk &main = *search.walks_[0];
    const Words positions = Words(config).subspan(1, config[0]);
    const bool lingers = main.lingers(positions);
    const auto row = [&](uint32_t expected) {
      return Row{path, &config, 0, search.above_ ? 0 : expected, {}, 0, {}, nullptr};
    };
    Row forward = row(main.bytes_after(positions));
    main.waiting(positions, forward.listed);
    sort_unique(forward.listed);
    // Other letters leave the main patterns where they stand, or lead nowhere.
    Row beside = row(search.expected(config));
    Row rest = row(search.expected(config));
    rest.world_at = 1 + config[0];
    if (lingers) {
      std::vector<uint32_t> waiting;
      for (size_t w = 1; w < search.walks_.size(); ++w) {
        const size_t count = config[rest.world_at];
        search.walks_[w]->waiting(Words(config).subspan(rest.world_at + 1, count), waiting);
        rest.world_at += 1 + count;
      }
      sort_unique(waiting);
      std::ranges::set_difference(waiting, forward.listed, std::back_inserter(beside.listed));
      std::ranges::set_union(waiting, forward.listed, std::back_inserter(rest.apart));
    }
    for (Row *listed : {&forward, &beside}) {
      std::ranges::sort(listed->listed, {}, [&](uint32_t x) { return search.alphabet_.rank[x]; });
      push_listed(std::make_shared<Row>(std::move(*listed)));
    }
    const uint64_t shortest = path.size() + 2;
    const uint64_t expected = shortest + rest.expected;
    if (!lingers || expected > max_bytes) return;
    open.push({straight ? 2 * expected + 1 : 2 * shortest, path, {}, std::make_shared<Row>(std::move(rest))});
  }
};

RuleSearch::RuleSearch(const Alphabet &alphabet, const World &world, const PatternWalk &main,
                       std::vector<const PatternWalk *> beside)
    : alphabet_(alphabet), world_(world), walks_(std::move(beside)) {
  walks_.insert(walks_.begin(), &main);
}

RuleSearch &RuleSearch::leave_where(Test hopeless) {
  hopeless_ = std::move(hopeless);
  return *this;
}

RuleSearch &RuleSearch::look_above() {
  above_ = true;
  return *this;
}

RuleSearch::Config RuleSearch::first() const {
  Config config;
  for (const PatternWalk *walk : walks_) {
    const PatternWalk::Positions at = walk->start();
    config.push_back(static_cast<uint32_t>(at.size()));
    config.insert(config.end(), at.begin(), at.end());
  }
  config.insert(config.end(), world_.start.begin(), world_.start.end());
  return config;
}

Here RuleSearch::view(const Config &config) const {
  Here here{{}, false, {}, Words(config).first(1 + config[0])};
  size_t at = 0;
  for (size_t w = 0; w < walks_.size(); ++w) {
    const bool covered = PatternWalk::covered(Words(config).subspan(at + 1, config[at]));
    if (w == 0) {
      here.covered = covered;
    } else {
      here.beside.push_back(covered);
    }
    at += 1 + config[at];
  }
  here.world = Words(config).subspan(at);
  return here;
}

RuleSearch::Config RuleSearch::next(Words from, uint32_t letter) const {
  Config config;
  size_t at = 0;
  for (const PatternWalk *walk : walks_) {
    const PatternWalk::Positions positions = walk->step(from.subspan(at + 1, from[at]), letter);
    config.push_back(static_cast<uint32_t>(positions.size()));
    config.insert(config.end(), positions.begin(), positions.end());
    at += 1 + from[at];
  }
  world_.step(from.subspan(at), letter, config);
  return config;
}

uint32_t RuleSearch::expected(const Config &config) const {
  const uint32_t bytes = walks_[0]->bytes_to_cover(Words(config).subspan(1, config[0]));
  return above_ && bytes < PatternWalk::kNever ? 0 : bytes;
}

Found RuleSearch::run(Config start, const Test &accept, uint64_t max_steps, bool straight, uint64_t max_bytes,
                      bool strictly_below) const {
  Found found;
  Run r{*this, straight, max_bytes, max_steps, {}, {}, 0};
  const Config origin = start;
  if (strictly_below) {
    r.expand("", origin);
  } else {
    r.push("", std::move(start), nullptr);
  }
  while (!r.open.empty()) {
    Run::Open top = r.open.top();
    r.open.pop();
    if (top.row) r.push_next(top.row);
    if (r.steps > max_steps) {
      found.steps = r.steps;
      found.over_budget = true;
      return found;
    }
    if (top.config.empty()) continue;
    const auto [it, fresh] = r.closed.insert(std::move(top.config));
    if (!fresh) continue;
    const Here here = view(*it);
    if (accept(here)) {
      found.steps = r.steps;
      found.path = top.path.empty() ? "/" : top.path;
      return found;
    }
    if (hopeless_ && hopeless_(here)) continue;
    r.expand(top.path, *it);
  }
  found.steps = r.steps;
  return found;
}

Found RuleSearch::some(const Test &accept, uint64_t max_steps) const {
  return run(first(), accept, max_steps, true, PatternWalk::kNever - 1, false);
}

Found RuleSearch::least(const Test &accept, uint64_t max_steps) const {
  Found length = some(accept, max_steps);
  if (!length.path) return length;
  const uint64_t bytes = *length.path == "/" ? 0 : length.path->size();
  Found found = run(first(), accept, max_steps, false, bytes, false);
  if (!found.path) found = length;
  found.steps += length.steps;
  return found;
}

Found RuleSearch::below(const Here &from, const Test &accept, uint64_t max_steps) const {
  Config start(from.main.begin(), from.main.end());
  start.insert(start.end(), from.world.begin(), from.world.end());
  return run(std::move(start), accept, max_steps, true, PatternWalk::kNever - 1, true);
}

}  // namespace agentfense::compiler
