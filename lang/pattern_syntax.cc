#include "lang/pattern_syntax.h"

#include <algorithm>
#include <span>
#include <utility>

#include "lang/pattern_tokens.h"
#include "lang/spelling.h"

namespace agentfense::lang {
namespace {

using Kind = PatternToken::Kind;
using Tokens = std::span<const PatternToken>;

std::string quote_if(bool quoted, const std::string &text) { return quoted ? '"' + text + '"' : text; }

PatternIssue issue_at(Code code, size_t offset, size_t length, std::string message) {
  return {code, offset, length, std::move(message), {}};
}

size_t end_of(const PatternToken &token) { return token.offset + token.length; }

// The stretch of spelling of a component, at least one byte so that a caret has something to show.
PatternIssue issue_of(Code code, Tokens component, size_t at, std::string message) {
  if (component.empty()) return issue_at(code, at, 1, std::move(message));
  size_t begin = component.front().offset;
  return issue_at(code, begin, end_of(component.back()) - begin, std::move(message));
}

std::vector<Tokens> split(Tokens tokens) {
  std::vector<Tokens> out;
  size_t begin = 0;
  for (size_t i = 0; i <= tokens.size(); ++i) {
    if (i < tokens.size() && tokens[i].kind != Kind::slash) continue;
    out.push_back(tokens.subspan(begin, i - begin));
    begin = i + 1;
  }
  return out;
}

bool is_any_depth(Tokens component) {
  return component.size() == 2 && component[0].kind == Kind::star && component[1].kind == Kind::star;
}

std::optional<PatternIssue> check_anchor(std::string_view spelling, bool quoted,
                                         const std::vector<Tokens> &parts) {
  if (parts.size() > 1 && (parts[0].empty() || is_any_depth(parts[0]))) return std::nullopt;
  PatternIssue issue = issue_at(Code::relative_pattern, 0, spelling.size(),
                                "a pattern starts with `/` (from the root) or `**/` (at any depth)");
  std::string_view rest = spelling;
  while (rest.substr(0, 2) == "./") rest.remove_prefix(2);
  if (rest.substr(0, 2) == "~/") {
    issue.message += "; `~` stands for nothing here";
  } else if (spelling == "**") {
    issue.fix = quote_if(quoted, "/**");
  } else if (!rest.empty() && rest != "." && rest.front() != '/' && rest.substr(0, 2) != "..") {
    bool rooted = rest.find('/') != std::string_view::npos || rest.size() != spelling.size();
    issue.fix = quote_if(quoted, (rooted ? "/" : "**/") + std::string(rest));
  }
  return issue;
}

std::optional<PatternIssue> check_stars(std::string_view spelling, bool quoted, Tokens component) {
  if (is_any_depth(component)) return std::nullopt;
  for (size_t i = 1; i < component.size(); ++i) {
    if (component[i - 1].kind != Kind::star || component[i].kind != Kind::star) continue;
    PatternIssue issue = issue_of(Code::double_star, component, 0,
                                  "`**` is a component of its own; inside a component write `*`");
    std::string fixed(spelling);
    size_t at = component[i - 1].offset;
    size_t end = at;
    while (end < fixed.size() && fixed[end] == '*') ++end;
    // `**.key` asks for any depth; `a**` for nothing more than `a*`, as a pattern covers what is below.
    fixed.replace(at, end - at, i == 1 && end < end_of(component.back()) ? "**/*" : "*");
    issue.fix = quote_if(quoted, fixed);
    return issue;
  }
  return std::nullopt;
}

std::optional<PatternIssue> check_start(std::string_view spelling, bool quoted, Tokens tokens) {
  if (spelling.substr(0, 2) == "**") {  // `**.key`: say what is wrong with the stars
    Tokens first = split(without_last_slash(tokens))[0];
    if (first.size() > 2) {
      if (auto issue = check_stars(spelling, quoted, first)) return issue;
    }
  }
  return check_anchor(spelling, quoted, split(tokens));
}

// Brace expansion of one component. A frame for each open brace: the alternatives that are complete,
// and the ways to read the one that is being read.
class Expander {
 public:
  using Globs = std::vector<ComponentGlob>;

  // Nothing where there would be too many.
  std::optional<Globs> run(Tokens component) {
    frames_.assign(1, Frame{});
    for (const PatternToken &token : component) {
      if (!feed(token)) return std::nullopt;
    }
    return std::move(frames_[0].current);
  }

 private:
  struct Frame {
    Globs done;
    Globs current = Globs(1);
  };

  bool feed(const PatternToken &token) {
    Frame &top = frames_.back();
    switch (token.kind) {
      case Kind::open:
        frames_.emplace_back();
        return true;
      case Kind::comma:
        finish(top);
        top.current = Globs(1);
        return top.done.size() <= kMaxAlternatives;
      case Kind::close:
        return close();
      default:
        items_ += top.current.size();
        if (items_ > kMaxPatternItems) return false;
        for (ComponentGlob &glob : top.current) append(glob, token);
        return true;
    }
  }

  static void append(ComponentGlob &glob, const PatternToken &token) {
    if (token.kind != Kind::star) {
      glob.push_back({token.bytes, false});
    } else if (glob.empty() || !glob.back().star) {
      glob.push_back({{}, true});
    }
  }

  static void finish(Frame &frame) {
    frame.done.insert(frame.done.end(), std::make_move_iterator(frame.current.begin()),
                      std::make_move_iterator(frame.current.end()));
  }

  bool close() {
    finish(frames_.back());
    Globs inner = std::move(frames_.back().done);
    frames_.pop_back();
    Globs &outer = frames_.back().current;
    if (inner.size() * outer.size() > kMaxAlternatives) return false;
    Globs product;
    product.reserve(inner.size() * outer.size());
    for (const ComponentGlob &left : outer) {
      for (const ComponentGlob &right : inner) {
        ComponentGlob &glob = product.emplace_back(left);
        bool twin_stars = !left.empty() && left.back().star && !right.empty() && right.front().star;
        glob.insert(glob.end(), right.begin() + (twin_stars ? 1 : 0), right.end());
        items_ += glob.size();
        if (items_ > kMaxPatternItems) return false;
      }
    }
    outer = std::move(product);
    return true;
  }

  std::vector<Frame> frames_;
  size_t items_ = 0;
};

bool spells(const ComponentGlob &glob, std::string_view text) {
  return glob.size() == text.size() &&
         std::equal(glob.begin(), glob.end(), text.begin(), [](const GlobItem &item, char c) {
           return !item.star && item.bytes == ByteSet::single(static_cast<unsigned char>(c));
         });
}

std::optional<PatternIssue> check_glob(const ComponentGlob &glob, Tokens component, size_t at) {
  if (glob.empty()) {
    return issue_of(Code::empty_component, component, at,
                    component.empty() ? "this component is empty; write one `/`"
                                      : "one alternative of the braces leaves this component empty");
  }
  if (spells(glob, ".") || spells(glob, "..")) {
    return issue_of(Code::dot_component, component, at,
                    "a component cannot be `.` or `..`; write the path without it");
  }
  auto bytes = static_cast<size_t>(
      std::count_if(glob.begin(), glob.end(), [](const GlobItem &item) { return !item.star; }));
  if (bytes > kMaxComponentBytes) {
    return issue_of(
        Code::component_too_long, component, at,
        "this component is longer than any file name (" + std::to_string(kMaxComponentBytes) + " bytes)");
  }
  return std::nullopt;
}

void append_component(PathPattern &pattern, const PatternComponent &component) {
  if (component.any_depth && !pattern.components.empty() && pattern.components.back().any_depth) return;
  pattern.components.push_back(component);
}

struct Component {
  bool any_depth = false;
  std::vector<ComponentGlob> globs;
  size_t items = 0;  // over all globs
};

// The product of all components; sorted, so that spelling order cannot show.
std::vector<PathPattern> combine(const std::vector<Component> &components) {
  std::vector<PathPattern> out(1);
  for (const Component &component : components) {
    if (!component.any_depth && component.globs.size() == 1) {  // nearly always
      for (PathPattern &pattern : out) pattern.components.push_back({false, component.globs[0]});
      continue;
    }
    if (component.any_depth) {
      for (PathPattern &pattern : out) append_component(pattern, {true, {}});
      continue;
    }
    std::vector<PathPattern> next;
    next.reserve(out.size() * component.globs.size());
    for (const PathPattern &pattern : out) {
      for (const ComponentGlob &glob : component.globs) {
        next.push_back(pattern);
        next.back().components.push_back({false, glob});
      }
    }
    out = std::move(next);
  }
  for (PathPattern &pattern : out) {
    while (!pattern.components.empty() && pattern.components.back().any_depth) pattern.components.pop_back();
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

PatternIssue too_many(std::string_view spelling) {
  return issue_at(Code::too_many_alternatives, 0, spelling.size(),
                  "these braces stand for more than " + std::to_string(kMaxAlternatives) +
                      " patterns; use `*` or several rules");
}

std::optional<PatternIssue> check_size(std::string_view spelling, size_t components) {
  if (spelling.size() > kMaxPatternBytes) {
    return issue_at(Code::pattern_too_long, 0, spelling.size(),
                    "this is longer than any path (" + std::to_string(kMaxPatternBytes) + " bytes)");
  }
  if (components > kMaxComponents) {
    return issue_at(Code::pattern_too_deep, 0, spelling.size(),
                    "this has more than " + std::to_string(kMaxComponents) + " components");
  }
  return std::nullopt;
}

// That tokens are those of one absolute path; `broken` is what the tokenizer has found.
std::optional<PatternIssue> check_path(std::string_view spelling, bool quoted, Tokens tokens,
                                       std::optional<PatternIssue> broken) {
  for (const PatternToken &token : tokens) {
    if (token.kind == Kind::byte || token.kind == Kind::slash || token.kind == Kind::param) continue;
    return issue_at(Code::glob_in_test, token.offset, token.length,
                    "a test names one path; write a literal glob character in quotes after a backslash");
  }
  if (broken || (!tokens.empty() && tokens[0].kind == Kind::slash)) return broken;
  PatternIssue issue = issue_at(Code::relative_path, 0, spelling.size(), "a path of a test starts with `/`");
  if (!spelling.empty() && spelling[0] != '.' && spelling[0] != '~') {
    issue.fix = quote_if(quoted, "/" + std::string(spelling));
  }
  return issue;
}

}  // namespace

std::variant<std::string, PatternIssue> canonical_spelling(std::string_view spelling, bool quoted,
                                                           bool test_path) {
  if (auto issue = check_size(spelling, 0)) return *std::move(issue);
  PatternOptions options;
  options.quoted = quoted;
  std::vector<PatternToken> tokens;
  auto issue = tokenize_pattern(spelling, options, tokens, true);
  if (test_path) {
    issue = check_path(spelling, quoted, tokens, std::move(issue));
  } else if (!issue) {
    issue = check_start(spelling, quoted, tokens);
    for (Tokens part : split(tokens)) {
      if (!issue) issue = check_stars(spelling, quoted, part);
    }
  }
  if (issue) return *std::move(issue);
  Tokens all = without_last_slash(tokens);
  std::string text = is_any_depth(all) ? "/**" : spell_tokens(spelling, all);
  // Escapes can make a spelling longer than may be written.
  if (text.size() > kMaxPatternBytes) return quote_if(quoted, std::string(spelling));
  return text;
}

bool same_spelling(std::string_view a, bool a_quoted, std::string_view b, bool b_quoted) {
  auto tokens_of = [](std::string_view spelling, bool quoted, std::vector<PatternToken> &tokens) {
    PatternOptions options;
    options.quoted = quoted;
    return !tokenize_pattern(spelling, options, tokens, true);
  };
  std::vector<PatternToken> left;
  std::vector<PatternToken> right;
  if (!tokens_of(a, a_quoted, left) || !tokens_of(b, b_quoted, right)) return false;
  // `**/` covers what `/**` covers: everything.
  auto ends = [](Tokens tokens) {
    Tokens all = without_last_slash(tokens);
    return all.size() == 3 && all[0].kind == Kind::slash && is_any_depth(all.subspan(1)) ? all.subspan(1)
                                                                                         : all;
  };
  Tokens x = ends(left);
  Tokens y = ends(right);
  return std::equal(
      x.begin(), x.end(), y.begin(), y.end(), [&](const PatternToken &l, const PatternToken &r) {
        if (l.kind != r.kind || l.byte != r.byte || l.bytes != r.bytes) return false;
        return l.kind != Kind::param || a.substr(l.offset, l.length) == b.substr(r.offset, r.length);
      });
}

std::variant<ParsedPattern, PatternIssue> parse_pattern(std::string_view spelling,
                                                        const PatternOptions &options) {
  if (auto issue = check_size(spelling, 0)) return *std::move(issue);
  std::vector<PatternToken> tokens;
  if (auto issue = tokenize_pattern(spelling, options, tokens)) return *std::move(issue);

  Tokens all = tokens;
  all = without_last_slash(all);
  std::vector<Tokens> parts = split(all);
  if (auto issue = check_start(spelling, options.quoted, tokens)) return *std::move(issue);
  bool root = all.size() == 1 && all[0].kind == Kind::slash;
  if (root) parts.clear();
  if (!parts.empty() && parts[0].empty()) parts.erase(parts.begin());
  if (auto issue = check_size(spelling, parts.size())) return *std::move(issue);

  std::vector<Component> components;
  size_t alternatives = 1;
  for (Tokens part : parts) {
    size_t at = part.data() == tokens.data() ? 0 : (part.data() - 1)->offset;
    if (auto issue = check_stars(spelling, options.quoted, part)) return *std::move(issue);
    Component &component = components.emplace_back();
    component.any_depth = is_any_depth(part);
    if (component.any_depth) continue;
    auto globs = Expander().run(part);
    if (!globs) return too_many(spelling);
    for (const ComponentGlob &glob : *globs) {
      if (auto issue = check_glob(glob, part, at)) return *std::move(issue);
      component.items += glob.size();
    }
    alternatives *= globs->size();
    if (alternatives > kMaxAlternatives) return too_many(spelling);
    component.globs = *std::move(globs);
  }
  size_t items = 0;
  for (const Component &component : components) {
    if (!component.any_depth) items += component.items * (alternatives / component.globs.size());
  }
  if (items > kMaxPatternItems) return too_many(spelling);
  std::string text = is_any_depth(all) ? "/**" : spell_tokens(spelling, all);  // `**/` has lost its slash
  return ParsedPattern{std::move(text), combine(components)};
}

std::variant<std::string, PatternIssue> parse_test_path(std::string_view spelling,
                                                        const PatternOptions &options) {
  if (auto issue = check_size(spelling, 0)) return *std::move(issue);
  PatternOptions exact = options;
  exact.nocase = false;
  std::vector<PatternToken> tokens;
  auto broken = tokenize_pattern(spelling, exact, tokens);
  if (auto issue = check_path(spelling, options.quoted, tokens, std::move(broken))) return *std::move(issue);
  Tokens all = tokens;
  all = without_last_slash(all);
  std::string path;
  for (const PatternToken &token : all)
    path += token.kind == Kind::slash ? '/' : static_cast<char>(token.byte);
  if (path == "/") return path;
  std::vector<Tokens> parts = split(all.subspan(1));
  if (auto issue = check_size(spelling, parts.size())) return *std::move(issue);
  for (Tokens part : parts) {
    ComponentGlob glob;
    for (const PatternToken &token : part) glob.push_back({token.bytes, false});
    if (auto issue = check_glob(glob, part, (part.data() - 1)->offset)) return *std::move(issue);
  }
  return path;
}

std::optional<std::string> refuse_param_value(std::string_view value) {
  if (value.empty()) return "is empty";
  if (value == "." || value == "..") return "is `" + std::string(value) + "`";
  if (value.find('/') != std::string_view::npos) return "holds `/`";
  if (value.find('\0') != std::string_view::npos) return "holds a NUL byte";
  if (value.size() > kMaxComponentBytes) return "is longer than a file name can be";
  return std::nullopt;
}

std::variant<std::string, PatternIssue> decode_string(std::string_view spelling) {
  std::string out;
  for (size_t i = 0; i < spelling.size(); ++i) {
    if (spelling[i] != '\\') {
      out += spelling[i];
      continue;
    }
    char next = i + 1 < spelling.size() ? spelling[i + 1] : '\0';
    int high = i + 3 < spelling.size() ? hex_value(static_cast<unsigned char>(spelling[i + 2])) : -1;
    int low = i + 3 < spelling.size() ? hex_value(static_cast<unsigned char>(spelling[i + 3])) : -1;
    if (next == '"' || next == '\\') {
      out += next;
      ++i;
    } else if (next == 'x' && high >= 0 && low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 3;
    } else {
      return issue_at(Code::bad_escape, i, i + 1 < spelling.size() ? 2 : 1,
                      next == 'x' ? "\\x needs two hex digits" : "an escape here is \\xHH, \\\" or \\\\");
    }
  }
  return out;
}

std::string spell_literal(std::string_view bytes) {
  bool high = is_utf8(bytes);
  bool quoted = std::any_of(bytes.begin(), bytes.end(), [&](char c) {
    auto b = static_cast<unsigned char>(c);
    return !is_bare_byte(b) || is_glob_byte(b) || (b >= 0x80 && !high);
  });
  if (!quoted) return std::string(bytes);
  std::string out = "\"";
  for (char c : bytes) append_quoted_byte(out, static_cast<unsigned char>(c), high);
  return out + '"';
}

}  // namespace agentfense::lang
