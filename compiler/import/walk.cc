#include "compiler/import/walk.h"

#include <algorithm>
#include <queue>

#include "compiler/analysis/path_order.h"

namespace agentfense::compiler::import {

std::optional<Walk> Walk::over(const std::vector<lang::PathPattern> &patterns) {
  Walk walk;
  walk.patterns_ = patterns.size();
  std::map<lang::ComponentGlob, GlobId> ids;
  std::vector<lang::ComponentGlob> globs;
  for (uint32_t p = 0; p < patterns.size(); ++p) {
    walk.starts_.push_back(static_cast<uint32_t>(walk.items_.size()));
    for (const lang::PatternComponent &c : patterns[p].components) {
      Item item{p, c.any_depth, false, 0};
      if (!c.any_depth) {
        const auto [it, fresh] = ids.try_emplace(c.glob, static_cast<GlobId>(globs.size()));
        if (fresh) globs.push_back(c.glob);
        item.glob = it->second;
      }
      walk.items_.push_back(item);
    }
    walk.items_.push_back({p, false, true, 0});
  }
  GlobCost cost;
  std::optional<NameAutomaton> names = build_names(globs, Budget{}, cost);
  if (!names) return std::nullopt;
  walk.names_ = std::move(*names);
  return walk;
}

Walk::Config Walk::close(Config positions) const {
  for (size_t i = 0; i < positions.size(); ++i) {
    const uint32_t p = positions[i];
    if (p < kBelow && items_[p].any_depth) positions.push_back(p + 1);
  }
  std::ranges::sort(positions);
  positions.erase(std::unique(positions.begin(), positions.end()), positions.end());
  return positions;
}

Walk::Config Walk::start() const { return close(starts_); }

Walk::Config Walk::step(const Config &from, const std::vector<GlobId> &letter) const {
  Config next;
  for (const uint32_t p : from) {
    if (p >= kBelow) {
      next.push_back(p);
    } else if (items_[p].end) {
      next.push_back(kBelow + items_[p].pattern);
    } else if (items_[p].any_depth) {
      next.push_back(p);
    } else if (std::ranges::binary_search(letter, items_[p].glob)) {
      next.push_back(p + 1);
    }
  }
  return close(std::move(next));
}

Standing Walk::standing(const Config &config) const {
  Standing s{std::vector<bool>(patterns_), std::vector<bool>(patterns_)};
  for (const uint32_t p : config) {
    if (p >= kBelow) {
      s.covers[p - kBelow] = true;
    } else if (items_[p].end) {
      s.matches[items_[p].pattern] = true;
      s.covers[items_[p].pattern] = true;
    }
  }
  return s;
}

Standing Walk::at(std::string_view path) const {
  Config config = start();
  size_t from = 1;
  while (from < path.size()) {
    const size_t end = std::min(path.find('/', from), path.size());
    config = step(config, names_.letters[names_.letter_of(path.substr(from, end - from))]);
    from = end + 1;
  }
  return standing(config);
}

Walk::Kinds Walk::search(const std::function<uint64_t(const Standing &)> &kind_of, size_t enough,
                         uint64_t max_steps) const {
  Kinds kinds;
  struct Open {
    std::string path;
    const Config *config;
  };
  const auto later = [](const Open &a, const Open &b) { return path_less(b.path, a.path); };
  std::priority_queue<Open, std::vector<Open>, decltype(later)> open(later);
  std::map<Config, bool> seen;  // whether it was taken out
  const auto offer = [&](std::string path, Config config) {
    const auto it = seen.try_emplace(std::move(config), false).first;
    if (!it->second) open.push({std::move(path), &it->first});
  };
  offer("", start());
  // The root's own standing may come again further down, where it counts.
  bool root = true;
  uint64_t steps = 0;
  while (!open.empty()) {
    const Open top = open.top();
    open.pop();
    bool &taken = seen.find(*top.config)->second;
    if (taken) continue;
    taken = !root;
    if (!root) {
      if (const uint64_t kind = kind_of(standing(*top.config)); kind != 0) {
        kinds.shortest.try_emplace(kind, top.path);
        if (enough != 0 && kinds.shortest.size() >= enough) return kinds;
      }
    }
    root = false;
    for (size_t x = 0; x < names_.letters.size(); ++x) {
      if (++steps > max_steps) {
        kinds.complete = false;
        return kinds;
      }
      offer(top.path + "/" + names_.witness[x], step(*top.config, names_.letters[x]));
    }
  }
  return kinds;
}

namespace {

// Whether a path of two patterns shows `wanted`; `in_doubt` where the search was too long.
bool some(const lang::PathPattern &a, const lang::PathPattern &b, bool in_doubt,
          const std::function<bool(const Standing &)> &wanted) {
  const std::optional<Walk> walk = Walk::over({a, b});
  if (!walk) return in_doubt;
  const Walk::Kinds kinds = walk->search([&](const Standing &s) { return wanted(s) ? 1U : 0U; }, 1, 200'000);
  return kinds.shortest.empty() ? !kinds.complete && in_doubt : true;
}

}  // namespace

bool contains(const lang::PathPattern &outer, const lang::PathPattern &inner) {
  return !some(outer, inner, true, [](const Standing &s) { return s.covers[1] && !s.covers[0]; });
}

bool meet(const lang::PathPattern &a, const lang::PathPattern &b) {
  return some(a, b, true, [](const Standing &s) { return s.covers[0] && s.covers[1]; });
}

bool match_alike(const lang::PathPattern &a, const lang::PathPattern &b) {
  return some(a, b, true, [](const Standing &s) { return s.matches[0] && s.matches[1]; });
}

}  // namespace agentfense::compiler::import
