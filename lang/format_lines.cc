#include "lang/format_lines.h"

#include <utility>
#include <variant>

#include "lang/parse_tokens.h"
#include "lang/pattern_syntax.h"
#include "lang/place.h"

namespace agentfense::lang {
namespace {

using Kind = SourceToken::Kind;
using Line = FormatLine;

class Collector {
 public:
  Collector(std::string_view text, Diagnostics &diagnostics)
      : text_(text), tokens_(source_tokens(text)), diagnostics_(diagnostics) {}

  std::optional<std::vector<Line>> run() {
    while (at_ < tokens_.size()) {
      switch (tokens_[at_].kind) {
        case Kind::newline:
          ++line_ends_;
          ++at_;
          break;
        case Kind::comment:
          comment();
          break;
        case Kind::close:
          close();
          break;
        default:
          statement();
          break;
      }
    }
    if (failed_) return std::nullopt;
    return std::move(lines_);
  }

 private:
  std::string_view word() const { return tokens_[at_].text(text_); }

  // The comment at hand without the white space behind it.
  std::string_view take_comment() {
    std::string_view comment = word();
    ++at_;
    return comment.substr(0, comment.find_last_not_of(" \t\r") + 1);
  }

  Line &add(Line::Kind kind) {
    bool blank = line_ends_ > 1 && kind != Line::Kind::close && !lines_.empty() &&
                 lines_.back().kind != Line::Kind::open;
    line_ends_ = 0;
    Line &line = lines_.emplace_back();
    line.kind = kind;
    line.depth = depth_;
    line.blank_before = blank;
    return line;
  }

  void comment() {
    bool behind = line_ends_ == 0 && !lines_.empty();
    std::string_view &place = behind ? lines_.back().comment : add(Line::Kind::comment).comment;
    place = take_comment();
    line_ends_ = 0;
  }

  void close() {
    ++at_;
    if (depth_ > 0) --depth_;
    Line &last = lines_.back();
    if (last.kind == Line::Kind::open && last.comment.empty()) {  // an empty block
      last.kind = Line::Kind::close;
      last.chunks.back().text += '}';
      line_ends_ = 0;
      return;
    }
    add(Line::Kind::close).chunks.emplace_back().text = "}";
  }

  // To its end, which is a line end, a comment, `{` of a block or `}`.
  void statement() {
    Line &line = add(Line::Kind::statement);
    bool test_line = tokens_[at_].kind == Kind::level;
    const SourceToken *previous = nullptr;
    std::string chunk;
    std::string reason;
    bool line_ended = false;  // behind the last comma
    while (at_ < tokens_.size()) {
      const SourceToken &token = tokens_[at_];
      bool after_comma = previous && previous->kind == Kind::comma;
      if (token.kind == Kind::newline || token.kind == Kind::comment) {
        if (!after_comma) break;
        if (token.kind == Kind::newline) {
          line_ended = true;
          ++at_;
        } else {
          comment_in_list(line, !line_ended);
        }
        continue;
      }
      if (token.kind == Kind::close) break;
      if (token.kind == Kind::open) {
        if (previous && previous->kind == Kind::equals) return set(line, chunk + " {");
        line.kind = Line::Kind::open;
        chunk += chunk.empty() ? "{" : " {";
        ++depth_;
        ++at_;
        break;
      }
      if (token.kind == Kind::comma) {
        line.chunks.emplace_back().text = std::exchange(chunk, {}) + ",";
        line_ended = false;
      } else {
        bool is_reason = token.kind == Kind::string && previous && is_item(previous->kind);
        if (!chunk.empty() && !is_reason) chunk += ' ';
        (is_reason ? reason : chunk) += spelled(previous, test_line);
      }
      previous = &token;
      ++at_;
    }
    if (chunk.empty()) return;
    FormatChunk &last = line.chunks.emplace_back();
    last.text = std::move(chunk);
    last.reason = std::move(reason);
  }

  void comment_in_list(Line &line, bool behind) {
    FormatChunk &last = line.chunks.back();
    bool trails = behind && last.comment.empty();
    FormatChunk &chunk = trails ? last : line.chunks.emplace_back();
    chunk.own_comment = !trails;
    chunk.comment = take_comment();
  }

  // From its `{` to its `}`.
  void set(Line &line, std::string head) {
    line.kind = Line::Kind::set;
    line.head = std::move(head);
    size_t ends = 0;  // of lines, behind what was last taken
    for (++at_; at_ < tokens_.size();) {
      const SourceToken &token = tokens_[at_];
      bool blank = ends > 1 && !line.chunks.empty();
      switch (token.kind) {
        case Kind::newline:
          ++ends;
          ++at_;
          continue;
        case Kind::close:
          ++at_;
          return;
        case Kind::comma:
          line.last_comma = true;
          ++at_;
          break;
        case Kind::comment: {
          std::string_view &place = line.chunks.empty() ? line.head_comment : line.chunks.back().comment;
          if (ends == 0 && place.empty()) {
            place = take_comment();
          } else {
            FormatChunk &chunk = line.chunks.emplace_back();
            chunk.own_comment = true;
            chunk.blank_before = blank;
            chunk.comment = take_comment();
          }
          break;
        }
        default: {
          FormatChunk &chunk = line.chunks.emplace_back();
          chunk.blank_before = blank;
          chunk.text = spelled(nullptr, false);
          line.last_comma = false;
          ++at_;
          break;
        }
      }
      ends = 0;
    }
  }

  static bool is_item(Kind kind) {
    return kind == Kind::name || kind == Kind::pattern || kind == Kind::string;
  }

  // The token at hand; `previous` is null for an item of a set.
  std::string spelled(const SourceToken *previous, bool test_line) {
    const SourceToken &token = tokens_[at_];
    bool item = token.kind == Kind::pattern || (test_line && token.kind == Kind::name);
    if (token.kind == Kind::string) {
      std::string_view before = previous ? previous->text(text_) : "";
      item = !previous || previous->kind == Kind::comma || previous->kind == Kind::level ||
             before == "nocase" || before == "except";
    }
    if (!item) return std::string(word());
    bool quoted = token.kind == Kind::string;
    std::string_view spelling = quoted ? word().substr(1, token.length - 2) : word();
    auto spelled = canonical_spelling(spelling, quoted, test_line);
    if (auto *issue = std::get_if<PatternIssue>(&spelled)) {
      report(*issue, token, quoted);
      return "";
    }
    return std::get<std::string>(std::move(spelled));
  }

  void report(const PatternIssue &issue, const SourceToken &token, bool quoted) {
    failed_ = true;
    if (diagnostics_.all().size() >= kMaxErrors) return diagnostics_.drop();
    Place whole = place_at(0, text_, token.offset, token.length);
    Diagnostic &d = diagnostics_.report(
        issue.code, part_of(whole, issue.offset + (quoted ? 1 : 0), issue.length), issue.message);
    if (issue.fix) d.fixes.push_back({whole, *issue.fix});
  }

  std::string_view text_;
  std::vector<SourceToken> tokens_;
  Diagnostics &diagnostics_;
  std::vector<Line> lines_;
  size_t at_ = 0;
  size_t depth_ = 0;
  size_t line_ends_ = 0;  // behind what was last taken
  bool failed_ = false;
};

}  // namespace

std::optional<std::vector<FormatLine>> format_lines(std::string_view text, Diagnostics &diagnostics) {
  return Collector(text, diagnostics).run();
}

}  // namespace agentfense::lang
