#include "compiler/explain/path_cover.h"

#include <algorithm>

namespace agentfense::compiler {
namespace {

constexpr size_t kNoStar = static_cast<size_t>(-1);

// Where a star has to give way, only the last one needs to: the earlier ones took the least that they could.
bool matches(const lang::ComponentGlob &glob, std::string_view name) {
  size_t g = 0, n = 0, star = kNoStar, resume = 0;
  while (n < name.size()) {
    if (g < glob.size() && glob[g].star) {
      star = g++;
      resume = n;
    } else if (g < glob.size() && glob[g].bytes.has(static_cast<unsigned char>(name[n]))) {
      ++g;
      ++n;
    } else if (star != kNoStar) {
      g = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g].star) ++g;
  return g == glob.size();
}

// The components of a pattern that a path may be waiting at; components.size() is its end.
class Positions {
 public:
  explicit Positions(const lang::PathPattern &pattern)
      : pattern_(pattern), at_(pattern.components.size() + 1) {
    at_[0] = true;
    close();
  }

  [[nodiscard]] bool at_end() const { return at_.back(); }
  [[nodiscard]] bool none() const { return std::ranges::find(at_, true) == at_.end(); }
  [[nodiscard]] const std::vector<bool> &all() const { return at_; }

  void step(std::string_view name) {
    std::vector<bool> next(at_.size());
    for (size_t i = 0; i < pattern_.components.size(); ++i) {
      if (!at_[i]) continue;
      const lang::PatternComponent &component = pattern_.components[i];
      if (component.any_depth) {
        next[i] = true;
      } else if (matches(component.glob, name)) {
        next[i + 1] = true;
      }
    }
    at_ = std::move(next);
    close();
  }

 private:
  void close() {
    for (size_t i = 0; i < pattern_.components.size(); ++i) {
      if (at_[i] && pattern_.components[i].any_depth) at_[i + 1] = true;
    }
  }

  const lang::PathPattern &pattern_;
  std::vector<bool> at_;
};

}  // namespace

PathNames path_names(std::string_view path) {
  PathNames names;
  while (!path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    if (slash > 0) names.push_back(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return names;
}

std::optional<Cover> find_cover(const lang::RulePattern &pattern, const PathNames &path) {
  std::optional<Cover> best;
  for (const lang::PathPattern &alternative : pattern.alternatives) {
    Positions positions(alternative);
    uint32_t length = 0;
    while (!positions.at_end() && !positions.none() && length < path.size()) positions.step(path[length++]);
    if (positions.at_end() && (!best || length < best->length)) best = Cover{0, length};
  }
  return best;
}

std::optional<Cover> find_cover(const std::vector<lang::RulePattern> &patterns, const PathNames &path) {
  std::optional<Cover> best;
  for (uint32_t i = 0; i < patterns.size(); ++i) {
    const std::optional<Cover> cover = find_cover(patterns[i], path);
    if (cover && (!best || cover->length < best->length)) best = Cover{i, cover->length};
  }
  return best;
}

std::vector<lang::PathPattern> rest_below(const lang::RulePattern &pattern, const PathNames &path) {
  if (find_cover(pattern, path)) return {lang::PathPattern{}};
  std::vector<lang::PathPattern> rest;
  for (const lang::PathPattern &alternative : pattern.alternatives) {
    Positions positions(alternative);
    for (const std::string_view name : path) positions.step(name);
    const auto &components = alternative.components;
    for (size_t i = 0; i < components.size(); ++i) {
      // What stands behind a `**` is among what stands at it.
      if (!positions.all()[i] || (i > 0 && positions.all()[i - 1] && components[i - 1].any_depth)) continue;
      rest.push_back({{components.begin() + static_cast<std::ptrdiff_t>(i), components.end()}});
    }
  }
  return rest;
}

}  // namespace agentfense::compiler
