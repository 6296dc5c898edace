#include "tests/view/rule_table.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include "compiler/table/encode.h"

namespace agentfense::testing {
namespace {

using table::Level;

struct Pattern {
  std::vector<std::string> components;
};

struct Rule {
  bool is_limit = false;
  Level level = Level::none;
  std::string text;
  std::vector<size_t> patterns;  // indices
  std::vector<size_t> except;
};

struct Rules {
  std::vector<Pattern> patterns;
  std::vector<Rule> rules;
  std::vector<std::string> globs;  // distinct components other than **
};

std::optional<Level> level_of(const std::string &word) {
  const std::vector<std::string> names = {"none", "view", "read", "write"};
  auto found = std::find(names.begin(), names.end(), word);
  if (found == names.end()) return std::nullopt;
  return static_cast<Level>(found - names.begin());
}

Pattern pattern_of(const std::string &text) {
  Pattern pattern;
  std::stringstream parts(text);
  std::string part;
  while (std::getline(parts, part, '/')) {
    if (!part.empty()) pattern.components.push_back(part);
  }
  return pattern;
}

std::optional<Rules> read_rules(const std::vector<std::string> &lines) {
  Rules rules;
  for (const std::string &line : lines) {
    std::stringstream words(line);
    std::string kind, level_word, word;
    words >> kind >> level_word;
    auto level = level_of(level_word);
    if (!level || (kind != "allow" && kind != "limit")) return std::nullopt;
    Rule rule{kind == "limit", *level, line, {}, {}};
    bool except = false;
    while (words >> word) {
      if (word == "except") {
        except = true;
        continue;
      }
      (except ? rule.except : rule.patterns).push_back(rules.patterns.size());
      rules.patterns.push_back(pattern_of(word));
    }
    rules.rules.push_back(rule);
  }
  std::set<std::string> globs;
  for (const Pattern &pattern : rules.patterns) {
    for (const std::string &component : pattern.components) {
      if (component != "**") globs.insert(component);
    }
  }
  rules.globs.assign(globs.begin(), globs.end());
  return rules;
}

// A subset construction: start set, step(set, symbol), over symbols 0..width-1.
template <class Set, class StepFn>
std::pair<std::vector<Set>, std::vector<uint32_t>> explore(const Set &start, uint32_t width,
                                                           const StepFn &step) {
  std::vector<Set> sets = {start};
  std::map<Set, uint32_t> numbers = {{start, 0}};
  std::vector<uint32_t> rows;
  for (size_t i = 0; i < sets.size(); ++i) {
    for (uint32_t symbol = 0; symbol < width; ++symbol) {
      Set next = step(sets[i], symbol);
      auto [at, is_new] = numbers.emplace(next, static_cast<uint32_t>(sets.size()));
      if (is_new) sets.push_back(next);
      rows.push_back(at->second);
    }
  }
  return {sets, rows};
}

using Places = std::set<std::pair<size_t, size_t>>;  // (glob or pattern, position in it)

// Positions reachable without input: a star matches nothing too.
Places close(const Places &places, const std::vector<std::string> &globs) {
  Places closed = places;
  for (bool grew = true; grew;) {
    grew = false;
    for (auto [glob, at] : Places(closed)) {
      if (at < globs[glob].size() && globs[glob][at] == '*') grew |= closed.emplace(glob, at + 1).second;
    }
  }
  return closed;
}

// Classifier, and for each component class the set of globs that a name of it matches.
std::vector<std::set<size_t>> build_classifier(const Rules &rules, table::Classifier &out) {
  out.byte_classes = 256;
  for (int byte = 0; byte < 256; ++byte) out.byte_class[byte] = byte == '/' ? 0 : static_cast<uint8_t>(byte);
  Places start;
  for (size_t i = 0; i < rules.globs.size(); ++i) start.emplace(i, 0);
  auto [sets, rows] = explore(close(start, rules.globs), 256, [&](const Places &from, uint32_t byte) {
    Places to;
    for (auto [glob, at] : from) {
      const std::string &text = rules.globs[glob];
      if (at == text.size()) continue;
      if (text[at] == '*') to.emplace(glob, at);
      if (text[at] != '*' && static_cast<unsigned char>(text[at]) == byte) to.emplace(glob, at + 1);
    }
    return close(to, rules.globs);
  });
  std::vector<std::set<size_t>> classes;
  for (size_t i = 0; i < sets.size(); ++i) {
    std::set<size_t> matched;
    for (auto [glob, at] : sets[i]) {
      if (at == rules.globs[glob].size()) matched.insert(glob);
    }
    auto known = std::find(classes.begin(), classes.end(), matched);
    out.states.push_back({{static_cast<uint32_t>(i), 0, 0}, static_cast<uint32_t>(known - classes.begin())});
    if (known == classes.end()) classes.push_back(matched);
  }
  out.base_rows = rows;
  return classes;
}

// A pattern whose end is reached covers everything below: its last place stays.
Places close_paths(const Places &places, const std::vector<Pattern> &patterns) {
  Places closed = places;
  for (bool grew = true; grew;) {
    grew = false;
    for (auto [pattern, at] : Places(closed)) {
      const auto &components = patterns[pattern].components;
      if (at < components.size() && components[at] == "**") grew |= closed.emplace(pattern, at + 1).second;
    }
  }
  return closed;
}

Level level_at(const Rules &rules, const Places &places) {
  auto covers = [&](const std::vector<size_t> &patterns) {
    return std::any_of(patterns.begin(), patterns.end(), [&](size_t p) {
      return places.count({p, rules.patterns[p].components.size()}) != 0;
    });
  };
  Level allowed = Level::none, limit = Level::write;
  for (const Rule &rule : rules.rules) {
    if (!covers(rule.patterns) || covers(rule.except)) continue;
    if (rule.is_limit) {
      limit = std::min(limit, rule.level);
    } else {
      allowed = std::max(allowed, rule.level);
    }
  }
  return std::min(allowed, limit);
}

// Coarsest partition by level that steps keep.
std::vector<uint32_t> partition(const std::vector<Level> &levels, const std::vector<uint32_t> &rows,
                                uint32_t width) {
  std::vector<uint32_t> block(levels.size());
  for (size_t i = 0; i < levels.size(); ++i) block[i] = static_cast<uint32_t>(levels[i]);
  for (size_t before = 0;;) {
    std::map<std::vector<uint32_t>, uint32_t> numbers;
    std::vector<uint32_t> next(levels.size());
    for (size_t i = 0; i < levels.size(); ++i) {
      std::vector<uint32_t> key = {block[i]};
      for (uint32_t s = 0; s < width; ++s) key.push_back(block[rows[i * width + s]]);
      next[i] = numbers.emplace(key, static_cast<uint32_t>(numbers.size())).first->second;
    }
    block = next;
    if (numbers.size() == before) return block;
    before = numbers.size();
  }
}

}  // namespace

std::optional<table::Image> rules_to_image(const std::vector<std::string> &lines) {
  auto rules = read_rules(lines);
  if (!rules) return std::nullopt;
  table::Image image;
  image.policy = "test";
  image.files = {"test"};
  image.labels.resize(1);
  for (size_t i = 0; i < rules->rules.size(); ++i) {
    const Rule &rule = rules->rules[i];
    image.rules.push_back({rule.is_limit, rule.level, 0, static_cast<uint32_t>(i + 1), rule.text, ""});
  }
  std::vector<std::set<size_t>> classes = build_classifier(*rules, image.classifier);
  const uint32_t width = static_cast<uint32_t>(classes.size());
  image.component_classes = width;

  Places start;
  for (size_t i = 0; i < rules->patterns.size(); ++i) start.emplace(i, 0);
  auto [sets, rows] =
      explore(close_paths(start, rules->patterns), width, [&](const Places &from, uint32_t symbol) {
        Places to;
        for (auto [pattern, at] : from) {
          const auto &components = rules->patterns[pattern].components;
          if (at == components.size() || components[at] == "**") {
            to.emplace(pattern, at);
            continue;
          }
          size_t glob = static_cast<size_t>(
              std::find(rules->globs.begin(), rules->globs.end(), components[at]) - rules->globs.begin());
          if (classes[symbol].count(glob) != 0) to.emplace(pattern, at + 1);
        }
        return close_paths(to, rules->patterns);
      });

  const size_t count = sets.size();
  std::vector<Level> levels;
  for (const Places &places : sets) levels.push_back(level_at(*rules, places));
  std::vector<uint32_t> alike = partition(levels, rows, width);
  // Levels met strictly below, by iteration to the fixed point.
  std::vector<std::set<Level>> below(count);
  for (bool grew = true; grew;) {
    grew = false;
    for (size_t i = 0; i < count; ++i) {
      size_t before = below[i].size();
      for (uint32_t s = 0; s < width; ++s) {
        uint32_t to = rows[i * width + s];
        below[i].insert(levels[to]);
        std::set<Level> further = below[to];
        below[i].insert(further.begin(), further.end());
      }
      grew |= below[i].size() != before;
    }
  }
  for (size_t i = 0; i < count; ++i) {
    table::PathState state;
    state.row.base_row = static_cast<uint32_t>(i);
    state.level = levels[i];
    state.visible_below = *below[i].rbegin() > Level::none;
    state.uniform_below = below[i].size() == 1;
    state.below = state.uniform_below ? *below[i].begin() : Level::none;
    for (uint32_t s = 0; s < width; ++s) {
      state.writable_child |= levels[rows[i * width + s]] == Level::write;
      image.base_rows.push_back({rows[i * width + s], 0});
    }
    state.alike = alike[i];
    image.states.push_back(state);
  }
  return image;
}

table::Table rules_to_table(const std::vector<std::string> &rules) {
  auto image = rules_to_image(rules);
  if (!image) {
    std::fprintf(stderr, "rules_to_table: a rule cannot be read\n");
    std::abort();
  }
  auto decoded = table::decode(table::encode(*image));
  if (auto *error = std::get_if<table::DecodeError>(&decoded)) {
    std::fprintf(stderr, "rules_to_table: %s\n", error->message.c_str());
    std::abort();
  }
  return std::move(std::get<table::Table>(decoded));
}

}  // namespace agentfense::testing
