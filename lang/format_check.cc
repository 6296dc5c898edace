#include "lang/format_check.h"

#include <algorithm>
#include <string>
#include <vector>

#include "lang/parse_tokens.h"
#include "lang/pattern_syntax.h"

namespace agentfense::lang {
namespace {

template <typename T>
bool same(const std::vector<T> &a, const std::vector<T> &b);

bool same(const ast::Item &a, const ast::Item &b) {
  using Kind = ast::Item::Kind;
  if ((a.kind == Kind::name) != (b.kind == Kind::name)) return false;
  return a.text == b.text || (a.kind != Kind::name &&
                              same_spelling(a.text, a.kind == Kind::quoted, b.text, b.kind == Kind::quoted));
}

bool same(const ast::Import &a, const ast::Import &b) { return a.path.text == b.path.text; }

bool same(const ast::Param &a, const ast::Param &b) {
  return a.name.text == b.name.text && a.value.has_value() == b.value.has_value() &&
         (!a.value || a.value->text == b.value->text);
}

bool same(const ast::Set &a, const ast::Set &b) {
  return a.name.text == b.name.text && same(a.items, b.items);
}

bool same(const ast::PolicyRef &a, const ast::PolicyRef &b) {
  return a.preset == b.preset && a.name.text == b.name.text;
}

bool same(const ast::Extends &a, const ast::Extends &b) {
  return same(a.bases, b.bases) && same(a.except, b.except) && a.sealed == b.sealed;
}

bool same(const ast::Rule &a, const ast::Rule &b) {
  return a.kind == b.kind && a.level == b.level && a.nocase == b.nocase && same(a.items, b.items) &&
         same(a.except, b.except) && a.reason == b.reason;
}

bool same(const ast::Test &a, const ast::Test &b) { return a.level == b.level && same(a.paths, b.paths); }

bool same(const ast::Policy &a, const ast::Policy &b) {
  return a.name.text == b.name.text && same(a.extends, b.extends) && same(a.rules, b.rules) &&
         same(a.tests, b.tests);
}

// Last, so that it sees all of the above.
template <typename T>
bool same(const std::vector<T> &a, const std::vector<T> &b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const T &x, const T &y) { return same(x, y); });
}

std::vector<std::string_view> comments(std::string_view text) {
  std::vector<std::string_view> out;
  for (const SourceToken &token : source_tokens(text)) {
    if (token.kind != SourceToken::Kind::comment) continue;
    std::string_view comment = token.text(text);
    out.push_back(comment.substr(0, comment.find_last_not_of(" \t\r") + 1));
  }
  return out;
}

}  // namespace

bool same_ast(const ast::File &a, const ast::File &b) {
  return a.broken == b.broken && same(a.imports, b.imports) && same(a.params, b.params) &&
         same(a.sets, b.sets) && same(a.policies, b.policies);
}

bool same_comments(std::string_view a, std::string_view b) { return comments(a) == comments(b); }

}  // namespace agentfense::lang
