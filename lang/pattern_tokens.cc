#include "lang/pattern_tokens.h"

#include <algorithm>

#include "lang/spelling.h"
#include "lang/suggest.h"
#include "llvm/ADT/StringExtras.h"

namespace agentfense::lang {
namespace {

void add_folded(ByteSet &set, unsigned char b, bool nocase) {
  set.add(b);
  if (!nocase) return;
  set.add(static_cast<unsigned char>(llvm::toLower(static_cast<char>(b))));
  set.add(static_cast<unsigned char>(llvm::toUpper(static_cast<char>(b))));
}

std::string show_byte(unsigned char b) {
  if (b > 0x20 && b < 0x7f) return std::string("`") + static_cast<char>(b) + "`";
  if (b == ' ') return "a space";
  std::string out = "byte \\x";
  out += llvm::hexdigit(b >> 4);
  out += llvm::hexdigit(b & 15);
  return out;
}

class Tokenizer {
 public:
  Tokenizer(std::string_view spelling, const PatternOptions &options, std::vector<PatternToken> &tokens,
            bool keep_params)
      : spelling_(spelling), options_(options), tokens_(tokens), keep_params_(keep_params) {}

  std::optional<PatternIssue> run() {
    while (at_ < spelling_.size() && !issue_) step();
    if (!issue_ && !open_.empty()) {
      fail(Code::unclosed_brace, open_.back(), 1,
           "this `{` has no `}`; write \\{ in quotes for a literal brace");
    }
    return issue_;
  }

 private:
  using Kind = PatternToken::Kind;
  // One byte that an escape or the plain text stands for.
  struct Unit {
    unsigned char byte = 0;
    bool escaped = false;
    size_t offset = 0;
    size_t length = 0;
  };

  PatternIssue &fail(Code code, size_t offset, size_t length, std::string message) {
    return issue_.emplace(PatternIssue{code, offset, length, std::move(message), {}});
  }

  unsigned char peek(size_t i) const { return static_cast<unsigned char>(spelling_[i]); }
  bool peek_is(size_t i, char c) const { return i < spelling_.size() && spelling_[i] == c; }

  void step() {
    size_t start = at_;
    if (peek(at_) == '$' && peek_is(at_ + 1, '{')) return param();
    if (peek(at_) == '[') return byte_class();
    Unit unit = next_unit();
    if (issue_) return;
    if (!unit.escaped) {
      switch (unit.byte) {
        case '/':
          return slash(start);
        case '*':
          return push(Kind::star, start);
        case '?':
          empty_so_far_ = false;
          tokens_.push_back({Kind::any, 0, ByteSet::any(), static_cast<uint32_t>(start), 1});
          return;
        case '{':
          return open(start);
        case '}':
          return close(start);
        case ',':
          if (open_.empty()) break;
          empty_so_far_ = false;
          return push(Kind::comma, start);
        default:
          break;
      }
    }
    literal(unit.byte, start, unit.length);
  }

  void push(Kind kind, size_t offset) {
    if (kind != Kind::open) empty_so_far_ = false;
    tokens_.push_back({kind, 0, {}, static_cast<uint32_t>(offset), 1});
  }

  void literal(unsigned char b, size_t offset, size_t length) {
    empty_so_far_ = false;
    ByteSet set;
    add_folded(set, b, options_.nocase);
    tokens_.push_back({Kind::byte, b, set, static_cast<uint32_t>(offset), static_cast<uint32_t>(length)});
  }

  void slash(size_t start) {
    if (open_.empty()) return push(Kind::slash, start);
    if (spelling_.find('}', start) == std::string_view::npos) {
      fail(Code::unclosed_brace, open_.back(), 1, "this `{` has no `}` in its component");
      return;
    }
    fail(Code::slash_in_braces, start, 1, "braces cannot hold `/`; write one pattern for each alternative");
  }

  void open(size_t start) {
    if (open_.size() == kMaxBraceNesting) {
      fail(Code::brace_nesting, start, 1,
           "braces are nested deeper than " + std::to_string(kMaxBraceNesting) + "; write several patterns");
      return;
    }
    open_.push_back(start);
    empty_so_far_ = true;
    push(Kind::open, start);
  }

  void close(size_t start) {
    if (open_.empty()) {
      fail(Code::unopened_brace, start, 1, "this `}` has no `{`; write \\} in quotes for a literal brace");
    } else if (empty_so_far_) {
      fail(Code::empty_braces, open_.back(), start + 1 - open_.back(), "these braces hold nothing");
    } else {
      open_.pop_back();
      push(Kind::close, start);
    }
  }

  void param() {
    size_t start = at_;
    size_t end = start + 2;
    while (end < spelling_.size() && is_name_byte(peek(end))) ++end;
    std::string name(spelling_.substr(start + 2, end - start - 2));
    if (!peek_is(end, '}') || !is_name(name)) {
      fail(Code::bad_param_reference, start, end - start,
           options_.quoted ? "`${` needs the name of a param and `}`; write \\$\\{ for these characters"
                           : "`${` needs the name of a param and `}`");
      return;
    }
    at_ = end + 1;
    if (keep_params_) {
      empty_so_far_ = false;
      tokens_.push_back(
          {Kind::param, 0, {}, static_cast<uint32_t>(start), static_cast<uint32_t>(at_ - start)});
      return;
    }
    auto found = options_.params ? options_.params->find(name) : ParamValues::const_iterator{};
    if (!options_.params || found == options_.params->end()) {
      unknown_param(name, start);
      return;
    }
    for (char c : found->second) literal(static_cast<unsigned char>(c), start, at_ - start);
  }

  void unknown_param(const std::string &name, size_t start) {
    std::vector<std::string_view> names;
    if (options_.params) {
      for (const auto &[key, value] : *options_.params) names.push_back(key);
    }
    std::string meant = closest(name, names);
    PatternIssue &issue =
        fail(Code::unknown_param, start, at_ - start,
             "no param is named `" + name + "`" + did_you_mean(meant, "declare it with `param`"));
    if (meant.empty()) return;
    std::string fixed(spelling_);
    fixed.replace(start + 2, name.size(), meant);
    issue.fix = options_.quoted ? '"' + fixed + '"' : fixed;
  }

  Unit next_unit() {
    Unit unit{peek(at_), false, at_, 1};
    if (unit.byte == '\\') return escape(unit);
    ++at_;
    if (!options_.quoted && !is_bare_byte(unit.byte) && !is_glob_byte(unit.byte) && unit.byte != ',') {
      needs_quotes(unit);
    }
    return unit;
  }

  void needs_quotes(const Unit &unit) {
    std::string message = show_byte(unit.byte) + " must stand in quotes in a pattern";
    if (unit.byte == '#') message += "; put a space before it where a comment was meant";
    PatternIssue &issue = fail(Code::needs_quotes, unit.offset, 1, std::move(message));
    if (unit.byte == ';' && at_ == spelling_.size() && at_ > 1) {
      issue.message = "a statement ends with its line, without `;`";
      issue.fix = std::string(spelling_.substr(0, unit.offset));
    } else if (unit.byte == '\'' && unit.offset == 0 && spelling_.size() > 2 && spelling_.back() == '\'') {
      issue.message = "quotes are double quotes";
      issue.fix = '"' + std::string(spelling_.substr(1, spelling_.size() - 2)) + '"';
    } else {
      issue.fix = '"' + std::string(spelling_) + '"';
    }
  }

  Unit escape(Unit unit) {
    if (!options_.quoted) {
      PatternIssue &issue = fail(Code::needs_quotes, unit.offset, 1, "an escape must stand in quotes");
      issue.fix = '"' + std::string(spelling_) + '"';
      return unit;
    }
    unit.escaped = true;
    unsigned char next = at_ + 1 < spelling_.size() ? peek(at_ + 1) : 0;
    if (next == 'x' && at_ + 3 < spelling_.size() && hex_value(peek(at_ + 2)) >= 0 &&
        hex_value(peek(at_ + 3)) >= 0) {
      unit.byte = static_cast<unsigned char>(hex_value(peek(at_ + 2)) * 16 + hex_value(peek(at_ + 3)));
      unit.length = 4;
    } else if (next == '"' || next == '\\' || next == '!' || next == '^' || next == '-' || next == ',' ||
               next == '$' || is_glob_byte(next)) {
      unit.byte = next;
      unit.length = 2;
    } else {
      size_t length = at_ + 1 < spelling_.size() ? 2 : 1;
      PatternIssue &issue =
          fail(Code::bad_escape, at_, length,
               next == 'x' ? "\\x needs two hex digits"
                           : "an escape is \\xHH, \\\", \\\\ or a backslash and a glob character");
      if (next != 'x') {
        issue.fix = '"' + std::string(spelling_.substr(0, at_)) + "\\\\" +
                    std::string(spelling_.substr(at_ + 1)) + '"';
      }
    }
    at_ += unit.length;
    if (!issue_ && (unit.byte == '/' || unit.byte == 0)) {
      fail(Code::forbidden_byte, unit.offset, unit.length,
           unit.byte == 0 ? "no file name holds a NUL byte"
                          : "no file name holds `/`; write it without escape");
    }
    return unit;
  }

  void byte_class() {
    size_t start = at_++;
    bool negated = peek_is(at_, '!');
    if (negated) ++at_;
    if (peek_is(at_, '^')) {
      PatternIssue &issue =
          fail(Code::caret_class, at_, 1, "a class is negated by `!`; put `^` later to match it");
      std::string fixed(spelling_);
      fixed[at_] = '!';
      issue.fix = options_.quoted ? '"' + fixed + '"' : fixed;
      return;
    }
    ByteSet set;
    bool empty = true;
    while (true) {
      if (at_ >= spelling_.size() || spelling_.find(']', at_) == std::string_view::npos) {
        fail(Code::unclosed_class, start, 1,
             "this `[` has no `]`; write \\[ in quotes for a literal bracket");
        return;
      }
      if (peek(at_) == ']') break;
      if (!class_member(set)) return;
      empty = false;
    }
    ++at_;
    if (empty) {
      fail(Code::empty_class, start, at_ - start,
           "this class names no byte; write \\] in quotes for a literal `]`");
      return;
    }
    set = negated ? complement(set) : set;
    empty_so_far_ = false;
    tokens_.push_back({Kind::set, 0, set, static_cast<uint32_t>(start), static_cast<uint32_t>(at_ - start)});
  }

  // One byte or one range; false where it is refused.
  bool class_member(ByteSet &set) {
    Unit low = class_byte();
    if (issue_) return false;
    if (!peek_is(at_, '-') || at_ + 1 >= spelling_.size() || peek(at_ + 1) == ']') {
      add_folded(set, low.byte, options_.nocase);
      return true;
    }
    ++at_;
    Unit high = class_byte();
    if (issue_) return false;
    if (high.byte < low.byte) {
      fail(Code::reversed_range, low.offset, at_ - low.offset,
           "this range runs backwards: " + show_byte(high.byte) + " comes before " + show_byte(low.byte));
      return false;
    }
    for (unsigned b = low.byte; b <= high.byte; ++b) {
      if (b != '/') add_folded(set, static_cast<unsigned char>(b), options_.nocase);
    }
    return true;
  }

  Unit class_byte() {
    Unit unit = next_unit();
    if (issue_) return unit;
    if (unit.byte == '/') {
      fail(Code::forbidden_byte, unit.offset, 1, "a class cannot hold `/`; close it with `]` before");
    } else if (unit.byte >= 0x80 && !unit.escaped) {
      size_t width = unit.byte >= 0xF0 ? 4 : unit.byte >= 0xE0 ? 3 : 2;
      fail(Code::wide_class, unit.offset, std::min(width, spelling_.size() - unit.offset),
           "a class matches one byte; list longer characters in braces instead");
    }
    return unit;
  }

  static ByteSet complement(const ByteSet &set) {
    ByteSet out = ByteSet::any();
    for (size_t i = 0; i < out.words.size(); ++i) out.words[i] &= ~set.words[i];
    return out;
  }

  std::string_view spelling_;
  const PatternOptions &options_;
  std::vector<PatternToken> &tokens_;
  bool keep_params_;
  size_t at_ = 0;
  std::vector<size_t> open_;   // offsets of the braces that are open
  bool empty_so_far_ = false;  // the innermost open brace holds nothing yet
  std::optional<PatternIssue> issue_;
};

}  // namespace

std::optional<PatternIssue> tokenize_pattern(std::string_view spelling, const PatternOptions &options,
                                             std::vector<PatternToken> &tokens, bool keep_params) {
  return Tokenizer(spelling, options, tokens, keep_params).run();
}

std::span<const PatternToken> without_last_slash(std::span<const PatternToken> tokens) {
  size_t n = tokens.size();
  bool ends = n > 1 && tokens[n - 1].kind == PatternToken::Kind::slash &&
              tokens[n - 2].kind != PatternToken::Kind::slash;
  return ends ? tokens.first(n - 1) : tokens;
}

std::string spell_tokens(std::string_view spelling, std::span<const PatternToken> tokens) {
  using Kind = PatternToken::Kind;
  std::string plain;
  for (const PatternToken &token : tokens) {
    if (token.kind == Kind::byte) plain += static_cast<char>(token.byte);
  }
  bool keep_high = is_utf8(plain);
  bool quoted = false;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const PatternToken &token = tokens[i];
    unsigned char b = token.byte;
    std::string_view source = spelling.substr(token.offset, token.length);
    if (token.kind == Kind::byte) {
      bool like_param = b == '$' && i + 1 < tokens.size() && tokens[i + 1].kind == Kind::open;
      quoted |= !is_bare_byte(b) || is_glob_byte(b) || like_param || (b >= 0x80 && !keep_high);
    }
    // Inside a class the spelling is kept, with what only quotes can hold.
    if (token.kind == Kind::set) {
      quoted |= std::any_of(source.begin(), source.end(), [](char c) {
        return !is_bare_byte(static_cast<unsigned char>(c)) && c != '[' && c != '*' && c != '?';
      });
    }
  }
  std::string out;
  for (const PatternToken &token : tokens) {
    if (token.kind != Kind::byte) {
      out += spelling.substr(token.offset, token.length);
    } else if (quoted) {
      append_quoted_byte(out, token.byte, keep_high);
    } else {
      out += static_cast<char>(token.byte);
    }
  }
  return quoted ? '"' + out + '"' : out;
}

}  // namespace agentfense::lang
