#include "compiler/analysis/search.h"

#include <map>
#include <queue>

namespace agentfense::compiler {
namespace {

// Letters first, then the other printable bytes, then the rest, each by value.
unsigned rank(unsigned char b) {
  if (b == '/') return 0;
  if (b >= 'a' && b <= 'z') return b;
  return b > 0x20 && b < 0x7f ? 0x100 + b : 0x200 + b;
}

bool less(const std::string &a, const std::string &b) {
  if (a.size() != b.size()) return a.size() < b.size();
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i]) return rank(static_cast<unsigned char>(a[i])) < rank(static_cast<unsigned char>(b[i]));
  }
  return false;
}

struct Open {
  std::string path;
  const Config *config;
};

}  // namespace

Search shortest_path(Config start, const SearchSteps &steps, uint64_t max_configs) {
  Search search;
  const auto later = [](const Open &a, const Open &b) { return less(b.path, a.path); };
  std::priority_queue<Open, std::vector<Open>, decltype(later)> open(later);
  std::map<Config, bool> closed;  // whether it was taken out already
  const auto offer = [&](std::string path, Config config) {
    const auto it = closed.try_emplace(std::move(config), false).first;
    if (!it->second) open.push({std::move(path), &it->first});
  };
  offer("", std::move(start));
  while (!open.empty()) {
    const Open top = open.top();
    open.pop();
    bool &taken = closed.find(*top.config)->second;
    if (taken) continue;
    taken = true;
    ++search.configs;
    if (steps.accept(*top.config)) {
      search.path = top.path.empty() ? "/" : top.path;
      return search;
    }
    if (closed.size() > max_configs) {
      search.over_budget = true;
      return search;
    }
    steps.expand(*top.config, [&](const std::string &name, Config next) {
      offer(top.path + "/" + name, std::move(next));
    });
  }
  return search;
}

}  // namespace agentfense::compiler
