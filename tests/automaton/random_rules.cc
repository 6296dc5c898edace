#include "tests/automaton/random_rules.h"

#include <vector>

namespace agentfense::tests {
namespace {

int below(std::mt19937 &random, int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); }

std::string random_glob(std::mt19937 &random, int names) {
  const std::string a(1, static_cast<char>('a' + below(random, names)));
  const std::string b(1, static_cast<char>('a' + below(random, names)));
  switch (below(random, 12)) {
    case 0:
      return "*";
    case 1:
      return "?";
    case 2:
      return a + "*";
    case 3:
      return "*" + a;
    case 4:
      return "[" + a + "]" + b;
    case 5:
      return "[!" + a + "]";
    case 6:
      return "{" + a + "," + b + "}";
    case 7:
      return "*" + a + "*";
    case 8:
      return a + b;
    default:
      return a;
  }
}

std::string random_pattern(std::mt19937 &random, const Shape &shape) {
  const int depth = below(random, shape.depth + 1);
  std::string pattern;
  for (int i = 0; i < depth; ++i) {
    if (below(random, 4) == 0) pattern += pattern.empty() ? "**" : "/**";
    pattern += "/" + random_glob(random, shape.names);
  }
  return pattern.empty() ? "/" : pattern[0] == '*' ? pattern : pattern;
}

std::string patterns(std::mt19937 &random, const Shape &shape) {
  std::string text = random_pattern(random, shape);
  while (below(random, 4) == 0) text += ", " + random_pattern(random, shape);
  return text;
}

}  // namespace

std::string random_rules(std::mt19937 &random, const Shape &shape) {
  static const char *const kLevels[] = {"none", "view", "read", "write"};
  std::string text;
  for (int r = 0; r < shape.rules; ++r) {
    const bool limit = below(random, 2) == 0;
    text += limit ? "limit " : "allow ";
    text += kLevels[below(random, 4)];
    text += " " + patterns(random, shape);
    if (limit && shape.excepts && below(random, 2) == 0) text += " except " + patterns(random, shape);
    text += "\n";
  }
  return text;
}

std::string random_path(std::mt19937 &random, const Shape &shape) {
  std::string path;
  for (int depth = below(random, shape.depth + 3); depth > 0; --depth) {
    path += "/";
    for (int n = 1 + below(random, 3); n > 0; --n)
      path += static_cast<char>('a' + below(random, shape.names + 1));
  }
  return path.empty() ? "/" : path;
}

std::vector<std::string> all_paths(const std::vector<std::string> &names, int depth) {
  std::vector<std::string> paths{"/"}, layer{""};
  for (int d = 0; d < depth; ++d) {
    std::vector<std::string> next;
    for (const std::string &parent : layer) {
      for (const std::string &name : names) next.push_back(parent + "/" + name);
    }
    paths.insert(paths.end(), next.begin(), next.end());
    layer = std::move(next);
  }
  return paths;
}

}  // namespace agentfense::tests
