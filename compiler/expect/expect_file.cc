#include "compiler/expect/expect_file.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "lang/bind_names.h"
#include "lang/source_check.h"
#include "lang/spelling.h"
#include "lang/suggest.h"

namespace agentfense::compiler {
namespace {

using lang::Code;
using lang::Level;
using lang::Place;

struct Token {
  enum class Kind : uint8_t { word, quoted, unclosed, comma, line_end, end };
  Kind kind;
  std::string_view text;  // without its quotes
  Place place;            // with them
};

class Lexer {
 public:
  Lexer(uint32_t file, std::string_view text, lang::Diagnostics &diagnostics)
      : file_(file), text_(text), diagnostics_(diagnostics) {}

  Token next() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\r')) ++at_;
    if (at_ < text_.size() && text_[at_] == '#') at_ = std::min(text_.find('\n', at_), text_.size());
    if (at_ == text_.size()) return {Token::Kind::end, "", place(at_, 0)};
    const size_t begin = at_;
    if (text_[at_] == '\n') {
      const Token token{Token::Kind::line_end, "", place(at_++, 0)};
      ++line_;
      line_start_ = at_;
      return token;
    }
    if (text_[at_] == ',') return {Token::Kind::comma, text_.substr(at_++, 1), place(begin, 1)};
    if (text_[at_] == '"') return quoted(begin);
    while (at_ < text_.size() && !std::strchr(" \t\r\n,\"", text_[at_])) ++at_;
    return {Token::Kind::word, text_.substr(begin, at_ - begin), place(begin, at_ - begin)};
  }

 private:
  Token quoted(size_t begin) {
    for (++at_; at_ < text_.size() && text_[at_] != '\n' && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] != '\n') ++at_;
    }
    const std::string_view inner = text_.substr(begin + 1, at_ - begin - 1);
    if (at_ < text_.size() && text_[at_] == '"') {
      ++at_;
      return {Token::Kind::quoted, inner, place(begin, at_ - begin)};
    }
    diagnostics_.report(Code::unclosed_quote, place(begin, at_ - begin),
                        "this quote has no end on its line; close it with `\"`");
    return {Token::Kind::unclosed, "", place(begin, at_ - begin)};
  }

  [[nodiscard]] Place place(size_t begin, size_t length) const {
    return {file_, line_, static_cast<uint32_t>(begin - line_start_ + 1), static_cast<uint32_t>(begin),
            static_cast<uint32_t>(length)};
  }

  uint32_t file_;
  std::string_view text_;
  lang::Diagnostics &diagnostics_;
  size_t at_ = 0;
  size_t line_start_ = 0;
  uint32_t line_ = 1;
};

std::optional<Level> level_of(std::string_view word) {
  for (const Level level : {Level::none, Level::view, Level::read, Level::write}) {
    if (word == lang::level_name(level)) return level;
  }
  return std::nullopt;
}

class Parser {
 public:
  Parser(uint32_t file, std::string_view text, const lang::ParamValues &params,
         lang::Diagnostics &diagnostics)
      : lexer_(file, text, diagnostics), params_(params), diagnostics_(diagnostics), token_(lexer_.next()) {}

  ExpectFile run() {
    bool first = true;
    while (token_.kind != Token::Kind::end) {
      if (token_.kind == Token::Kind::line_end) {
        token_ = lexer_.next();
        continue;
      }
      // A line per error; nobody reads the second thousand.
      if (diagnostics_.all().size() >= lang::kMaxErrors) break;
      if (token_.kind == Token::Kind::word && token_.text == "policy") {
        header(first);
      } else {
        line();
      }
      first = false;
    }
    return std::move(file_);
  }

 private:
  void skip_line() {
    while (token_.kind != Token::Kind::line_end && token_.kind != Token::Kind::end) token_ = lexer_.next();
  }

  void header(bool first) {
    const Place word = token_.place;
    token_ = lexer_.next();
    if (token_.kind != Token::Kind::word || !lang::is_name(token_.text)) {
      diagnostics_.report(Code::expected_name, token_.place, "the name of a policy belongs behind `policy`");
    } else if (!first) {
      diagnostics_.report(
          Code::misplaced_statement, word,
          "`policy` stands once, before all expectations; write another file for another policy");
    } else {
      file_.policy = token_.text;
      file_.policy_place = token_.place;
      token_ = lexer_.next();
      if (token_.kind == Token::Kind::line_end || token_.kind == Token::Kind::end) return;
      diagnostics_.report(Code::expected_newline, token_.place,
                          "nothing follows the name of the policy on its line");
    }
    skip_line();
  }

  void line() {
    const std::optional<Level> level =
        token_.kind == Token::Kind::word ? level_of(token_.text) : std::nullopt;
    if (!level) {
      const std::string meant = token_.kind == Token::Kind::word
                                    ? lang::closest(token_.text, {"none", "view", "read", "write"})
                                    : "";
      lang::Diagnostic &d = diagnostics_.report(
          Code::expected_level, token_.place,
          "an expectation starts with its level" +
              lang::did_you_mean(meant, "write none, view, read or write, then the paths"));
      if (!meant.empty()) d.fixes.push_back({token_.place, meant});
      skip_line();
      return;
    }
    token_ = lexer_.next();
    for (;;) {
      if (token_.kind != Token::Kind::word && token_.kind != Token::Kind::quoted) {
        if (token_.kind == Token::Kind::unclosed) return skip_line();
        diagnostics_.report(Code::expected_pattern, token_.place, "a path is missing here");
        skip_line();
        return;
      }
      path(*level);
      token_ = lexer_.next();
      if (token_.kind == Token::Kind::line_end || token_.kind == Token::Kind::end) return;
      if (token_.kind != Token::Kind::comma) {
        diagnostics_.report(Code::expected_comma, token_.place, "a comma belongs between two paths");
        skip_line();
        return;
      }
      do token_ = lexer_.next();
      while (token_.kind == Token::Kind::line_end);
    }
  }

  void path(Level level) {
    const bool quoted = token_.kind == Token::Kind::quoted;
    lang::PatternOptions options;
    options.quoted = quoted;
    options.params = &params_;
    auto parsed = lang::parse_test_path(token_.text, options);
    if (const auto *issue = std::get_if<lang::PatternIssue>(&parsed)) {
      lang::report_issue(*issue, token_.place, quoted, diagnostics_);
    } else {
      file_.tests.push_back({level, std::get<std::string>(std::move(parsed)), token_.place});
    }
  }

  Lexer lexer_;
  const lang::ParamValues &params_;
  lang::Diagnostics &diagnostics_;
  Token token_;
  ExpectFile file_;
};

}  // namespace

ExpectFile parse_expect_file(uint32_t file, std::string_view text, const lang::ParamValues &params,
                             lang::Diagnostics &diagnostics) {
  if (!lang::check_source(file, text, diagnostics)) return {};
  return Parser(file, text, params, diagnostics).run();
}

}  // namespace agentfense::compiler
