#include "compiler/analysis/rule_search.h"

#include <algorithm>
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

}  // namespace

// A configuration is its walks' positions, each list after its length, then the world.
//
// Children that only the world tells apart come one by one, and the list of them is made only when the
// shortest of them could be next: most searches end before.
struct RuleSearch::Run {
  struct Siblings {
    std::string parent;
    const Config *from;
    size_t world_at;              // where the world begins in *from
    std::vector<uint32_t> apart;  // the cursor refers to it and to *from
    LetterCursor cursor;          // none before it is needed
  };
  struct Open {
    uint64_t key;  // twice the bytes; of equal ones siblings come last going straight, else first: one of
                   // them may be the lesser path
    std::string path;
    Config config;  // empty: stands for the first of the siblings
    std::shared_ptr<Siblings> siblings;
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
  std::priority_queue<Open, std::vector<Open>, Later> open;
  std::unordered_set<Config, HashConfig> closed;  // its elements stay where they are
  uint64_t steps = 0;

  Config next(Words from, uint32_t letter) {
    ++steps;
    return search.next(from, letter);
  }

  void push(std::string path, Config config, std::shared_ptr<Siblings> siblings) {
    const uint64_t expected = path.size() + search.expected(config);
    if (expected > max_bytes) return;
    const uint64_t key = straight ? 2 * expected : 2 * path.size() + 1;
    open.push({key, std::move(path), std::move(config), std::move(siblings)});
  }

  // One that is too long ends the row: the next is no shorter and expects as much.
  void push_next(const std::shared_ptr<Siblings> &siblings) {
    const Words from(*siblings->from);
    if (!siblings->cursor) {
      siblings->cursor = search.world_.others(from.subspan(siblings->world_at), siblings->apart);
    }
    while (const std::optional<uint32_t> letter = siblings->cursor()) {
      Config config = next(from, *letter);
      if (closed.contains(config)) continue;
      push(siblings->parent + "/" + search.alphabet_.name(*letter), std::move(config), siblings);
      return;
    }
  }

  // REQUIRES: `config` stays where it is.
  void expand(const std::string &path, const Config &config) {
    std::vector<uint32_t> apart;
    bool lingers = true;
    size_t at = 0;
    for (size_t w = 0; w < search.walks_.size(); ++w) {
      const Words positions = Words(config).subspan(at + 1, config[at]);
      search.walks_[w]->waiting(positions, apart);
      if (w == 0) lingers = search.walks_[w]->lingers(positions);
      at += 1 + config[at];
    }
    std::ranges::sort(apart);
    apart.erase(std::unique(apart.begin(), apart.end()), apart.end());
    for (const uint32_t x : apart) {
      Config child = next(config, x);
      if (!closed.contains(child)) push(path + "/" + search.alphabet_.name(x), std::move(child), nullptr);
    }
    // Where a component moves nothing the main patterns expect no less than here.
    const uint64_t shortest = path.size() + 2;
    const uint64_t expected = shortest + search.expected(config);
    if (!lingers || expected > max_bytes) return;
    auto siblings = std::make_shared<Siblings>(Siblings{path, &config, at, std::move(apart), nullptr});
    open.push({straight ? 2 * expected + 1 : 2 * shortest, path, {}, std::move(siblings)});
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
  Run r{*this, straight, max_bytes, {}, {}, 0};
  const Config origin = start;
  if (strictly_below) {
    r.expand("", origin);
  } else {
    r.push("", std::move(start), nullptr);
  }
  while (!r.open.empty()) {
    Run::Open top = r.open.top();
    r.open.pop();
    if (top.siblings) r.push_next(top.siblings);
    if (top.config.empty()) continue;
    const auto [it, fresh] = r.closed.insert(std::move(top.config));
    if (!fresh) continue;
    const Here here = view(*it);
    if (accept(here)) {
      found.steps = r.steps;
      found.path = top.path.empty() ? "/" : top.path;
      return found;
    }
    found.steps = r.steps;
    if (r.steps > max_steps) {
      found.over_budget = true;
      return found;
    }
    if (hopeless_ && hopeless_(here)) continue;
    r.expand(top.path, *it);
  }
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
