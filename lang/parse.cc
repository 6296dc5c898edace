// How errors are kept small. The grammar is line oriented and ANTLR's own recovery is replaced:
//  - sync() is called before each turn of the statement loops; a line that starts no statement is
//    reported and skipped there, so the loops never end early;
//  - recoverInline() is called where a token does not fit; where it is clear what was meant (a
//    misspelled level, a `{` on the next line) it reports, repairs and goes on;
//  - anything else unwinds to the statement, which is dropped up to the end of its line.
#include "lang/parse.h"

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "AgentFenseBaseListener.h"
#include "AgentFenseLexer.h"
#include "AgentFenseParser.h"
#include "antlr4-runtime.h"
#include "lang/pattern_syntax.h"
#include "lang/place.h"
#include "lang/source_check.h"
#include "lang/spelling.h"
#include "lang/suggest.h"

namespace agentfense::lang {
namespace {

using antlr4::Token;
using Grammar = grammar::AgentFenseParser;

// Text to ANTLR, a byte a character, so that token offsets are byte offsets.
class ByteStream final : public antlr4::CharStream {
 public:
  explicit ByteStream(std::string_view text) : text_(text) {}

  void consume() override { ++at_; }
  size_t LA(ssize_t i) override {
    if (i == 0) return 0;
    size_t index = at_ + static_cast<size_t>(i > 0 ? i - 1 : i);
    return index < text_.size() ? static_cast<unsigned char>(text_[index]) : IntStream::EOF;
  }
  ssize_t mark() override { return -1; }
  void release(ssize_t) override {}
  size_t index() override { return at_; }
  void seek(size_t index) override { at_ = std::min(index, text_.size()); }
  size_t size() override { return text_.size(); }
  std::string getSourceName() const override { return "policy"; }
  std::string getText(const antlr4::misc::Interval &range) override {
    auto begin = static_cast<size_t>(range.a);
    auto end = std::min(static_cast<size_t>(range.b) + 1, text_.size());
    return begin < end ? std::string(text_.substr(begin, end - begin)) : std::string();
  }
  std::string toString() const override { return std::string(text_); }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

bool is_top_word(size_t type) {
  return type == Grammar::AGENTFENSE || type == Grammar::IMPORT || type == Grammar::PARAM ||
         type == Grammar::SET || type == Grammar::POLICY;
}
bool is_policy_word(size_t type) {
  return type == Grammar::ALLOW || type == Grammar::LIMIT || type == Grammar::NEVER || type == Grammar::TEST;
}
bool is_level(size_t type) {
  return type == Grammar::NONE || type == Grammar::VIEW || type == Grammar::READ || type == Grammar::WRITE;
}
bool is_word(size_t type) { return type >= Grammar::AGENTFENSE && type <= Grammar::WRITE; }
bool is_item(size_t type) {
  return type == Grammar::NAME || type == Grammar::PATTERN || type == Grammar::STRING;
}

Level level_of(size_t type) {
  switch (type) {
    case Grammar::WRITE:
      return Level::write;
    case Grammar::READ:
      return Level::read;
    case Grammar::VIEW:
      return Level::view;
    default:
      return Level::none;
  }
}

struct Word {
  std::string_view text;
  size_t type;
};
constexpr Word kTopWords[] = {{"agentfense", Grammar::AGENTFENSE},
                              {"import", Grammar::IMPORT},
                              {"param", Grammar::PARAM},
                              {"set", Grammar::SET},
                              {"policy", Grammar::POLICY}};
constexpr Word kPolicyWords[] = {
    {"allow", Grammar::ALLOW}, {"limit", Grammar::LIMIT}, {"never", Grammar::NEVER}, {"test", Grammar::TEST}};
constexpr Word kLevelWords[] = {
    {"none", Grammar::NONE}, {"view", Grammar::VIEW}, {"read", Grammar::READ}, {"write", Grammar::WRITE}};
constexpr Word kHeaderWords[] = {
    {"extends", Grammar::EXTENDS}, {"except", Grammar::EXCEPT}, {"sealed", Grammar::SEALED}};

// The word of a list that a misspelled one means; type 0 where none is near.
template <size_t N>
Word nearest(std::string_view text, const Word (&words)[N]) {
  std::vector<std::string_view> candidates;
  for (const Word &word : words) candidates.push_back(word.text);
  std::string meant = closest(text, candidates);
  for (const Word &word : words) {
    if (word.text == meant) return word;
  }
  return {{}, 0};
}

// The text, and where its errors go: one for each token at most.
class Source {
 public:
  Source(uint32_t file, std::string_view text, Diagnostics &diagnostics)
      : file_(file), text_(text), diagnostics_(diagnostics) {}

  std::string_view text(const Token *token) const {
    size_t begin = std::min(token->getStartIndex(), text_.size());
    size_t end = token->getType() == Token::EOF ? begin : token->getStopIndex() + 1;
    return text_.substr(begin, end - begin);
  }

  Place place(const Token *token) const {
    Place place;
    place.file = file_;
    place.line = static_cast<uint32_t>(token->getLine());
    place.column = static_cast<uint32_t>(token->getCharPositionInLine() + 1);
    place.offset = static_cast<uint32_t>(std::min(token->getStartIndex(), text_.size()));
    bool shown = token->getType() != Token::EOF && token->getType() != Grammar::NL;
    place.length = shown ? static_cast<uint32_t>(text(token).size()) : 0;
    return place;
  }

  Place place(const Token *first, const Token *last) const {
    Place whole = place(first);
    whole.length = static_cast<uint32_t>(last->getStopIndex() + 1 - first->getStartIndex());
    return whole;
  }

  static Place behind(const Place &place) { return part_of(place, place.length, 0); }

  bool starts_line(const Token *token) const {
    size_t i = std::min(token->getStartIndex(), text_.size());
    while (i > 0 && (text_[i - 1] == ' ' || text_[i - 1] == '\t' || text_[i - 1] == '\r')) --i;
    return i == 0 || text_[i - 1] == '\n';
  }

  bool touches_previous(const Token *token) const {
    size_t i = token->getStartIndex();
    return i > 0 && i <= text_.size() && text_[i - 1] != ' ' && text_[i - 1] != '\t';
  }

  std::string describe(const Token *token) const {
    if (token->getType() == Token::EOF) return "the end of the file";
    if (token->getType() == Grammar::NL) return "the end of the line";
    if (token->getType() == Grammar::COMMA) return "`,`";
    std::string_view shown = text(token);
    if (shown.size() > 40) return "`" + std::string(shown.substr(0, 37)) + "...`";
    return "`" + std::string(shown) + "`";
  }

  // The diagnostic to fill in, or a spare one where this token had its error.
  Diagnostic &error(Code code, const Token *token, Place place, std::string message) {
    broken_ = true;
    if (!reported_.insert(token->getTokenIndex()).second) return spare_;
    return diagnostics_.report(code, place, std::move(message));
  }
  Diagnostic &error(Code code, const Token *token, std::string message) {
    return error(code, token, place(token), std::move(message));
  }
  Diagnostic &error_at(Code code, Place place, std::string message) {
    broken_ = true;
    return diagnostics_.report(code, place, std::move(message));
  }

  bool broken() const { return broken_; }
  uint32_t file() const { return file_; }

 private:
  uint32_t file_;
  std::string_view text_;
  Diagnostics &diagnostics_;
  std::set<size_t> reported_;
  Diagnostic spare_{};
  bool broken_ = false;
};

// Errors of single tokens; repairs what it reports, so that the grammar is not disturbed as well.
void check_tokens(antlr4::CommonTokenStream &tokens, Source &source) {
  const Token *previous = nullptr;
  for (size_t i = 0; i < tokens.size(); ++i) {
    auto *token = dynamic_cast<antlr4::CommonToken *>(tokens.get(i));
    size_t type = token->getType();
    if (type == Grammar::UNCLOSED) {
      source.error(Code::unclosed_quote, token, "this quote is not closed on its line; end it with `\"`");
      token->setType(Grammar::STRING);
    } else if (type == Grammar::OTHER) {
      source.error(Code::control_character, token,
                   "a control character stands here; remove it, or write it as \\xHH in quotes");
      token->setChannel(Token::HIDDEN_CHANNEL);
      continue;
    } else if (type == Grammar::PATTERN && !is_utf8(source.text(token))) {
      source.error(Code::invalid_utf8, token, "this is not UTF-8; write other bytes as \\xHH in quotes");
    }
    type = token->getType();
    bool quote_between = previous && (previous->getType() == Grammar::STRING || type == Grammar::STRING);
    if (quote_between && (is_item(type) || is_word(type)) &&
        (is_item(previous->getType()) || is_word(previous->getType())) && source.touches_previous(token)) {
      source.error(Code::missing_space, token,
                   "a quote cannot touch the word before it; put a space or a comma between");
    }
    previous = token;
  }
}

// For each token: how many blocks that are open there get closed before the next policy starts. Tells
// a statement in the wrong block from a block that lacks its end.
class Closers {
 public:
  Closers(antlr4::CommonTokenStream &tokens, const Source &source) : tokens_(tokens), source_(source) {}

  size_t behind(const Token *token) {
    if (counts_.empty()) count();
    return counts_[token->getTokenIndex()];
  }

 private:
  void count() {
    counts_.resize(tokens_.size() + 1);
    for (size_t i = tokens_.size(); i-- > 0;) {
      const Token *token = tokens_.get(i);
      size_t type = token->getType();
      size_t after = counts_[i + 1];
      if (type == Grammar::RBRACE) {
        counts_[i] = after + 1;
      } else if (type == Grammar::LBRACE) {
        counts_[i] = after > 0 ? after - 1 : 0;
      } else {
        counts_[i] = type == Grammar::POLICY && source_.starts_line(token) ? 0 : after;
      }
    }
  }

  antlr4::CommonTokenStream &tokens_;
  const Source &source_;
  std::vector<size_t> counts_;
};

class Recovery final : public antlr4::ANTLRErrorStrategy {
 public:
  Recovery(Source &source, antlr4::CommonTokenStream &tokens) : source_(source), closers_(tokens, source) {}

  void reset(antlr4::Parser *) override {}
  bool inErrorRecoveryMode(antlr4::Parser *) override { return false; }
  void reportMatch(antlr4::Parser *) override {}

  void sync(antlr4::Parser *parser) override {
    size_t rule = parser->getContext()->getRuleIndex();
    if (rule != Grammar::RuleFile && rule != Grammar::RuleBody && rule != Grammar::RuleTestBody) return;
    while (skip_stray(parser, rule)) {
    }
  }

  Token *recoverInline(antlr4::Parser *parser) override {
    Token *token = parser->getCurrentToken();
    auto expected = parser->getExpectedTokens();
    size_t type = token->getType();
    if (expected.contains(size_t{Grammar::NONE}) && type == Grammar::NAME) {
      Word meant = nearest(source_.text(token), kLevelWords);
      if (meant.type != 0) return repair(parser, token, meant, Code::expected_level, " is no level");
    }
    bool name_wanted =
        expected.contains(size_t{Grammar::NAME}) && !expected.contains(size_t{Grammar::PATTERN});
    if (name_wanted && is_word(type) && !is_header_gap(parser, type)) {
      source_.error(Code::reserved_word, token,
                    source_.describe(token) + " is a word of the language; choose another name");
      parser->consume();
      return token;
    }
    if (expected.contains(size_t{Grammar::RBRACE}) && ends_block(parser, token)) {
      report_unclosed(parser, token);
      return token;
    }
    size_t rule = parser->getContext()->getRuleIndex();
    bool block = rule == Grammar::RulePolicy || rule == Grammar::RuleTestBlock;
    if (block && expected.contains(size_t{Grammar::LBRACE})) return find_open_brace(parser, token);
    throw antlr4::InputMismatchException(parser);
  }

  void reportError(antlr4::Parser *parser, const antlr4::RecognitionException &e) override {
    Token *token = e.getOffendingToken();
    report(parser, token ? token : parser->getCurrentToken(), parser->getExpectedTokens());
  }

  void recover(antlr4::Parser *parser, std::exception_ptr error) override {
    auto *context = parser->getContext();
    switch (context->getRuleIndex()) {
      case Grammar::RuleSetItems:
      case Grammar::RuleExtendsClause:
      case Grammar::RuleExceptions:
      case Grammar::RuleItems:
        std::rethrow_exception(error);
      case Grammar::RuleSet:
        return skip_set(parser, dynamic_cast<Grammar::SetContext *>(context)->open != nullptr);
      case Grammar::RuleHeader:
        return skip_line(parser, true);
      default:
        return skip_line(parser, false);
    }
  }

 private:
  // A name is missing and the header simply goes on: `policy extends x`.
  bool is_header_gap(antlr4::Parser *parser, size_t type) const {
    return parser->getContext()->getRuleIndex() == Grammar::RuleHeader && type == Grammar::EXTENDS;
  }

  Token *repair(antlr4::Parser *parser, Token *token, Word meant, Code code, const std::string &what) {
    Diagnostic &d = source_.error(code, token,
                                  source_.describe(token) + what + did_you_mean(std::string(meant.text), ""));
    d.fixes.push_back({source_.place(token), std::string(meant.text)});
    dynamic_cast<antlr4::CommonToken *>(token)->setType(meant.type);
    parser->consume();
    return token;
  }

  bool starts_statement(const Token *token, size_t rule) const {
    size_t type = token->getType();
    if (!source_.starts_line(token)) return false;
    return is_top_word(type) || is_policy_word(type) || (rule == Grammar::RuleTestLine && is_level(type));
  }

  bool ends_block(antlr4::Parser *parser, const Token *token) const {
    size_t type = token->getType();
    if (type == Token::EOF) return true;
    size_t rule = parser->getContext()->getRuleIndex();
    if (!source_.starts_line(token)) return false;
    return is_top_word(type) || (rule != Grammar::RulePolicy && is_policy_word(type));
  }

  static const Token *open_brace(antlr4::ParserRuleContext *context) {
    if (auto *c = dynamic_cast<Grammar::PolicyContext *>(context)) return c->open;
    if (auto *c = dynamic_cast<Grammar::TestBlockContext *>(context)) return c->open;
    if (auto *c = dynamic_cast<Grammar::SetContext *>(context)) return c->open;
    return nullptr;
  }

  void report_unclosed(antlr4::Parser *parser, const Token *token) {
    const Token *open = open_brace(parser->getContext());
    if (!open) open = token;
    Diagnostic &d =
        source_.error(Code::unclosed_block, open, "this `{` is not closed; put `}` where its block ends");
    d.remarks.push_back({source_.place(token), "the block is still open here"});
  }

  // `{` further on in the line or on the next one: go on behind it. None at all: the block may still
  // follow, so go on as if it stood here, where a statement of the block comes next.
  Token *find_open_brace(antlr4::Parser *parser, Token *token) {
    report(parser, token, parser->getExpectedTokens());
    skip_line(parser, true);
    auto *stream = parser->getTokenStream();
    ssize_t ahead = 1;
    while (stream->LT(ahead)->getType() == Grammar::NL) ++ahead;
    size_t next = stream->LT(ahead)->getType();
    bool body = parser->getContext()->getRuleIndex() == Grammar::RulePolicy;
    if (next == Grammar::LBRACE) {
      for (; ahead > 1; --ahead) parser->consume();
      return parser->consume();
    }
    if (ahead > 1 && (body ? is_policy_word(next) : is_level(next))) return token;
    throw antlr4::InputMismatchException(parser);
  }

  // Reports the next token where no turn of the loop can start with it. True: look again.
  bool skip_stray(antlr4::Parser *parser, size_t rule) {
    auto *stream = parser->getTokenStream();
    Token *token = stream->LT(1);
    size_t type = token->getType();
    if (type == Grammar::NL || type == Token::EOF) return false;
    Token *previous = stream->index() > 0 ? stream->LT(-1) : nullptr;
    bool fresh = !previous || previous->getType() == Grammar::NL || previous->getType() == Grammar::LBRACE ||
                 source_.starts_line(token);
    bool in_file = rule == Grammar::RuleFile;
    if (type == Grammar::RBRACE && !in_file) return false;
    if (!in_file && ends_without_brace(token, rule)) return false;
    bool starts = in_file                         ? is_top_word(type)
                  : rule == Grammar::RuleTestBody ? is_level(type)
                                                  : is_policy_word(type);
    if (starts) {
      if (!fresh) {
        source_.error(Code::expected_newline, token,
                      source_.describe(token) + " starts a statement; put it on a line of its own");
      }
      adrift_ = false;
      return false;
    }
    if (type == Grammar::RBRACE) {
      if (!adrift_) source_.error(Code::unopened_block, token, "this `}` closes nothing; remove it");
      parser->consume();
      return true;
    }
    // What follows a policy that was closed too early is one mistake, not one for each line.
    bool drifting = in_file && is_policy_word(type);
    if (!fresh) {
      report_excess(stream, token, previous);
    } else if (!(drifting && adrift_) && report_unknown(token, type, rule)) {
      return true;
    }
    adrift_ |= drifting;
    skip_stray_line(parser);
    return true;
  }

  // The block ends here without its brace; else the statement is in the wrong block.
  bool ends_without_brace(const Token *token, size_t rule) {
    size_t type = token->getType();
    bool test = rule == Grammar::RuleTestBody;
    if (!source_.starts_line(token) || !(is_top_word(type) || (test && is_policy_word(type)))) return false;
    return type == Grammar::POLICY || closers_.behind(token) < (test ? 2 : 1);
  }

  void report_excess(antlr4::TokenStream *stream, Token *token, Token *previous) {
    size_t before = previous->getType();
    // A string after an item is the reason, and the reason is last.
    const Token *second = before == Grammar::STRING && stream->index() > 1 ? stream->LT(-2) : nullptr;
    bool after_reason = second && is_item(second->getType());
    if (is_item(token->getType()) && is_item(before) && !after_reason) {
      Place gap = Source::behind(source_.place(previous));
      Diagnostic &d =
          source_.error(Code::expected_comma, token, "a comma is missing before " + source_.describe(token));
      d.fixes.push_back({gap, ","});
      return;
    }
    source_.error(Code::expected_newline, token,
                  source_.describe(token) + " is too much here; a statement ends with its line");
  }

  // True where the word was replaced by the one that was meant.
  bool report_unknown(Token *token, size_t type, size_t rule) {
    if (is_policy_word(type)) {
      source_.error(Code::misplaced_statement, token,
                    source_.describe(token) + " belongs inside `policy NAME { ... }`" +
                        (rule == Grammar::RuleTestBody ? ", outside `test`" : ""));
      return false;
    }
    if (is_top_word(type)) {
      source_.error(Code::misplaced_statement, token,
                    source_.describe(token) + " belongs outside of policies");
      return false;
    }
    Word meant{{}, 0};
    if (type == Grammar::NAME) {
      std::string_view text = source_.text(token);
      meant = rule == Grammar::RuleFile       ? nearest(text, kTopWords)
              : rule == Grammar::RuleTestBody ? nearest(text, kLevelWords)
                                              : nearest(text, kPolicyWords);
    }
    const char *remedy = rule == Grammar::RuleFile       ? "write import, param, set or policy"
                         : rule == Grammar::RuleTestBody ? "write none, view, read or write and a path"
                                                         : "write allow, limit, never or test";
    Diagnostic &d = source_.error(Code::unknown_statement, token,
                                  "no statement starts with " + source_.describe(token) +
                                      did_you_mean(std::string(meant.text), remedy));
    if (meant.type == 0) return false;
    d.fixes.push_back({source_.place(token), std::string(meant.text)});
    dynamic_cast<antlr4::CommonToken *>(token)->setType(meant.type);
    return true;
  }

  // To the end of the line; where the line opens a block, to the end of that.
  static void skip_stray_line(antlr4::Parser *parser) {
    size_t depth = 0;
    while (true) {
      size_t type = parser->getCurrentToken()->getType();
      if (type == Token::EOF || (depth == 0 && (type == Grammar::NL || type == Grammar::RBRACE))) return;
      if (type == Grammar::LBRACE) ++depth;
      if (type == Grammar::RBRACE) --depth;
      parser->consume();
    }
  }

  // To the end of the statement's line, or before the `}` of the block that it stands in. A list that
  // ended in a comma has swallowed the line end: then the next statement is where it stops.
  void skip_line(antlr4::Parser *parser, bool stop_at_open) {
    size_t rule = parser->getContext()->getRuleIndex();
    size_t depth = 0;
    while (true) {
      const Token *token = parser->getCurrentToken();
      size_t type = token->getType();
      if (type == Token::EOF || type == Grammar::NL || starts_statement(token, rule)) return;
      if (type == Grammar::LBRACE && stop_at_open) return;
      if (type == Grammar::RBRACE && depth == 0) return;
      if (type == Grammar::LBRACE) ++depth;
      if (type == Grammar::RBRACE) --depth;
      parser->consume();
    }
  }

  void skip_set(antlr4::Parser *parser, bool open) {
    size_t depth = open ? 1 : 0;
    while (true) {
      const Token *token = parser->getCurrentToken();
      size_t type = token->getType();
      if (type == Token::EOF || starts_statement(token, Grammar::RuleSet)) return;
      if (depth == 0 && (type == Grammar::NL || type == Grammar::RBRACE)) return;
      if (type == Grammar::LBRACE) ++depth;
      if (type == Grammar::RBRACE) --depth;
      parser->consume();
    }
  }

  // One sentence for a token that does not fit, from what would.
  void report(antlr4::Parser *parser, Token *token, const antlr4::misc::IntervalSet &expected) {
    auto wants = [&](size_t type) { return expected.contains(type); };
    size_t type = token->getType();
    size_t rule = parser->getContext()->getRuleIndex();
    std::string found = source_.describe(token);
    std::string instead = ", not " + found;
    if (wants(Grammar::NONE)) {
      source_.error(Code::expected_level, token,
                    "a level is missing before " + found + "; write none, view, read or write");
    } else if (wants(Grammar::PATTERN)) {
      std::string message = "a pattern or the name of a set must stand here" + instead;
      if (type == Grammar::LBRACE) message += "; braces are for `set NAME = { ... }`";
      if (is_word(type)) message += ", a word of the language";
      source_.error(Code::expected_pattern, token, std::move(message));
    } else if (wants(Grammar::PRESET)) {
      source_.error(Code::expected_name, token,
                    "the name of a policy or preset:NAME must stand here" + instead);
    } else if (wants(Grammar::NAME)) {
      report_name(token, rule, instead);
    } else if (wants(Grammar::STRING)) {
      Diagnostic &d =
          source_.error(Code::expected_string, token, "a text in quotes must stand here" + instead);
      if (type == Grammar::NAME || type == Grammar::PATTERN) {
        d.fixes.push_back({source_.place(token), '"' + std::string(source_.text(token)) + '"'});
      }
    } else if (wants(Grammar::EQ) && rule == Grammar::RuleSet) {
      Diagnostic &d = source_.error(Code::expected_equals, token, "`=` must stand before " + found);
      if (type == Grammar::LBRACE) d.fixes.push_back({part_of(source_.place(token), 0, 0), "= "});
    } else if (wants(Grammar::RBRACE)) {
      Diagnostic &d = source_.error(Code::expected_comma, token, "a comma is missing before " + found);
      if (is_item(type)) {
        Place gap = source_.place(last_word(parser));
        d.fixes.push_back({Source::behind(gap), ","});
      }
    } else if (wants(Grammar::LBRACE)) {
      report_open_brace(token, found, rule);
    } else {
      source_.error(Code::expected_newline, token,
                    found + " is too much here; a statement ends with its line");
    }
  }

  // The last token before the current one that is no line end.
  static const Token *last_word(antlr4::Parser *parser) {
    auto *stream = parser->getTokenStream();
    ssize_t back = -1;
    while (stream->LT(back - 1) && stream->LT(back)->getType() == Grammar::NL) --back;
    return stream->LT(back);
  }

  void report_name(Token *token, size_t rule, const std::string &instead) {
    if (rule == Grammar::RuleVersion) {
      Diagnostic &d = source_.error(Code::missing_version, token,
                                    "a version must stand here" + instead + "; write `agentfense 1`");
      if (token->getType() == Grammar::NL) d.fixes.push_back({source_.place(token), " 1"});
      return;
    }
    std::string what = rule == Grammar::RuleParam ? "param" : rule == Grammar::RuleSet ? "set" : "policy";
    source_.error(Code::expected_name, token,
                  "the name of the " + what + " must stand here" + instead +
                      "; a name is letters, digits, `-` and `_`");
  }

  void report_open_brace(Token *token, const std::string &found, size_t rule) {
    Word meant = token->getType() == Grammar::NAME && rule == Grammar::RulePolicy
                     ? nearest(source_.text(token), kHeaderWords)
                     : Word{{}, 0};
    std::string message = "`{` must stand here, not " + found;
    if (meant.type != 0) message += did_you_mean(std::string(meant.text), "");
    Diagnostic &d = source_.error(Code::expected_brace, token, std::move(message));
    if (meant.type != 0) d.fixes.push_back({source_.place(token), std::string(meant.text)});
  }

  Source &source_;
  Closers closers_;
  bool adrift_ = false;  // rules outside of any policy were reported, up to the next statement
};

// Statements -> ast, as the parser leaves each one.
class Builder final : public grammar::AgentFenseBaseListener {
 public:
  Builder(Source &source, antlr4::CommonTokenStream &tokens) : source_(source), tokens_(tokens) {}

  ast::File take() {
    file_.broken = source_.broken();
    return std::move(file_);
  }
  bool has_statement() const { return first_seen_; }
  bool other_version() const { return other_version_; }

  void enterVersion(Grammar::VersionContext *context) override {
    if (first_seen_) {
      source_.error(Code::repeated_version, context->start,
                    "`agentfense` is the first statement of a file, once");
    }
    first_seen_ = true;
  }
  void enterImportFile(Grammar::ImportFileContext *context) override { need_version(context); }
  void enterParam(Grammar::ParamContext *context) override { need_version(context); }
  void enterSet(Grammar::SetContext *context) override { need_version(context); }
  void enterPolicy(Grammar::PolicyContext *context) override {
    need_version(context);
    policy_ = {};
  }

  void exitVersion(Grammar::VersionContext *context) override {
    if (context->exception || source_.text(context->number) == "1") return;
    Diagnostic &d = source_.error(
        Code::unknown_version, context->number,
        "this compiler knows version 1 of the language, not " + source_.describe(context->number));
    d.fixes.push_back({source_.place(context->number), "1"});
    other_version_ = true;
  }

  void exitImportFile(Grammar::ImportFileContext *context) override {
    if (context->exception) return;
    if (auto path = string(context->path)) file_.imports.push_back({*std::move(path)});
  }

  void exitParam(Grammar::ParamContext *context) override {
    ast::Param param;
    if (!name(context->name, "param", param.name)) return;
    param.broken = context->exception != nullptr;
    if (context->value) {
      if (!context->assign) {
        Diagnostic &d = source_.error(Code::expected_equals, context->value,
                                      "`=` must stand before " + source_.describe(context->value));
        d.fixes.push_back({part_of(source_.place(context->value), 0, 0), "= "});
      }
      param.value = string(context->value);
      param.broken |= !param.value;
    }
    file_.params.push_back(std::move(param));
  }

  void exitSet(Grammar::SetContext *context) override {
    ast::Set set;
    if (!name(context->name, "set", set.name)) return;
    set.broken = context->exception != nullptr;
    if (context->content) items(context->content->list, set.items);
    if (!set.broken && set.items.empty()) {
      source_.error(Code::empty_set, context->open,
                    "the set `" + set.name.text + "` holds nothing; give it a pattern");
      set.broken = true;
    }
    file_.sets.push_back(std::move(set));
  }

  void exitHeader(Grammar::HeaderContext *context) override {
    policy_.broken = context->exception != nullptr;
    if (!name(context->name, "policy", policy_.name)) return;
    for (auto *clause : context->clauses) {
      ast::Extends extends;
      for (const Token *base : clause->bases) {
        bool preset = base->getType() == Grammar::PRESET;
        std::string_view text = source_.text(base);
        extends.bases.push_back({preset, {std::string(text.substr(preset ? 7 : 0)), source_.place(base)}});
      }
      if (const Token *seal = clause->seal ? clause->seal : clause->seal2) {
        extends.sealed = true;
        extends.sealed_place = source_.place(seal);
      }
      if (auto *except = clause->opened) {
        exceptions(except, extends.except);
        extends.except_place = source_.place(except->word);
      }
      policy_.extends.push_back(std::move(extends));
    }
  }

  void exitPolicy(Grammar::PolicyContext *context) override {
    policy_.broken |= context->exception != nullptr;
    if (!policy_.name.text.empty()) file_.policies.push_back(std::move(policy_));
    policy_ = {};
  }

  void exitAccessRule(Grammar::AccessRuleContext *context) override {
    if (context->exception) return;
    ast::Rule rule;
    rule.kind = context->kind->getType() == Grammar::ALLOW   ? ast::Rule::Kind::allow
                : context->kind->getType() == Grammar::LIMIT ? ast::Rule::Kind::limit
                                                             : ast::Rule::Kind::never;
    rule.level = level_of(context->level->getType());
    rule.nocase = context->nocase != nullptr;
    items(context->covered->list, rule.items);
    if (auto *except = context->opened) {
      if (rule.kind != ast::Rule::Kind::limit) {
        source_.error(
            Code::misplaced_except, except->word,
            "only a limit has exceptions; list what " + source_.describe(context->kind) + " is for instead");
      }
      exceptions(except, rule.except);
    }
    if (context->reason) rule.reason = reason(context->reason);
    const Token *last = context->reason ? tokens_.get(context->reason->getTokenIndex() - 1) : context->stop;
    rule.place = source_.place(context->start, context->stop);
    rule.text = one_line(context->start->getTokenIndex(), last->getTokenIndex());
    policy_.rules.push_back(std::move(rule));
  }

  void exitTestLine(Grammar::TestLineContext *context) override {
    if (context->exception) return;
    ast::Test test;
    test.level = level_of(context->level->getType());
    items(context->covered->list, test.paths);
    policy_.tests.push_back(std::move(test));
  }

 private:
  void need_version(antlr4::ParserRuleContext *context) {
    if (first_seen_) return;
    first_seen_ = true;
    Place start{source_.file(), 1, 1, 0, 0};
    Diagnostic &d = source_.error_at(Code::missing_version, source_.place(context->start),
                                     "the first statement of a file is `agentfense 1`");
    d.fixes.push_back({start, "agentfense 1\n"});
  }

  bool name(const Token *token, const char *what, ast::Name &out) {
    // Words of the language come here too, reported: they are kept, so that uses of them are found.
    if (!token || (token->getType() != Grammar::NAME && !is_word(token->getType()))) return false;
    std::string_view text = source_.text(token);
    if (!is_name(text)) {
      source_.error(Code::expected_name, token,
                    "the name of a " + std::string(what) + " starts with a letter and has at most 255 bytes");
      return false;
    }
    out = {std::string(text), source_.place(token)};
    return true;
  }

  std::optional<ast::String> string(const Token *token) {
    Place place = source_.place(token);
    auto decoded = decode_string(inner(token));
    if (auto *issue = std::get_if<PatternIssue>(&decoded)) {
      source_.error(issue->code, token, part_of(place, 1 + issue->offset, issue->length), issue->message);
      return std::nullopt;
    }
    return ast::String{std::get<std::string>(std::move(decoded)), place};
  }

  // Empty where it is wrong: the rest of the statement is still worth reading.
  std::string reason(const Token *token) {
    auto decoded = string(token);
    if (!decoded) return "";
    if (decoded->text.starts_with("/") || decoded->text.starts_with("**/")) {
      const Token *previous = tokens_.get(token->getTokenIndex() - 1);
      Diagnostic &d = source_.error(Code::expected_comma, token,
                                    "a reason cannot start like a pattern; a comma is missing before it");
      d.fixes.push_back({Source::behind(source_.place(previous)), ","});
    }
    return std::move(decoded->text);
  }

  std::string_view inner(const Token *token) const {
    std::string_view text = source_.text(token);
    text.remove_prefix(1);
    // An unclosed quote has been reported and has no end to cut off.
    if (!text.empty() && text.back() == '"') text.remove_suffix(1);
    return text;
  }

  void items(const std::vector<Token *> &list, std::vector<ast::Item> &out) {
    for (const Token *token : list) {
      ast::Item item;
      bool quoted = token->getType() == Grammar::STRING;
      item.kind = quoted                              ? ast::Item::Kind::quoted
                  : token->getType() == Grammar::NAME ? ast::Item::Kind::name
                                                      : ast::Item::Kind::bare;
      item.text = quoted ? inner(token) : source_.text(token);
      item.place = source_.place(token);
      out.push_back(std::move(item));
    }
  }

  void exceptions(Grammar::ExceptionsContext *context, std::vector<ast::Item> &out) {
    if (context->covered) items(context->covered->list, out);
  }

  std::string one_line(size_t first, size_t last) {
    std::string out;
    for (size_t i = first; i <= last; ++i) {
      const Token *token = tokens_.get(i);
      if (token->getChannel() != Token::DEFAULT_CHANNEL) continue;
      bool comma = token->getType() == Grammar::COMMA;
      if (!out.empty() && !comma) out += ' ';
      out += comma ? std::string_view(",") : source_.text(token);
    }
    return out;
  }

  Source &source_;
  antlr4::CommonTokenStream &tokens_;
  ast::File file_;
  ast::Policy policy_;
  bool first_seen_ = false;
  bool other_version_ = false;
};

}  // namespace

ast::File parse(uint32_t file, std::string_view text, Diagnostics &diagnostics) {
  ast::File nothing;
  nothing.broken = true;
  if (!check_source(file, text, diagnostics)) return nothing;

  Diagnostics found;
  Source source(file, text, found);
  ByteStream input(text);
  grammar::AgentFenseLexer lexer(&input);
  lexer.removeErrorListeners();
  antlr4::CommonTokenStream tokens(&lexer);
  tokens.fill();
  check_tokens(tokens, source);

  Grammar parser(&tokens);
  parser.removeErrorListeners();
  parser.setErrorHandler(std::make_shared<Recovery>(source, tokens));
  parser.setBuildParseTree(false);
  parser.getInterpreter<antlr4::atn::ParserATNSimulator>()->setPredictionMode(
      antlr4::atn::PredictionMode::SLL);
  Builder builder(source, tokens);
  parser.addParseListener(&builder);
  parser.file();

  if (!builder.has_statement() && !source.broken()) {
    Diagnostic &d = source.error_at(Code::missing_version, Place{file, 1, 1, 0, 0},
                                    "the file says nothing; its first statement is `agentfense 1`");
    d.fixes.push_back({d.place, "agentfense 1\n"});
  }
  // Another version of the language may mean anything by the rest.
  for (const Diagnostic &d : found.all()) {
    if (builder.other_version() && d.code != Code::unknown_version) continue;
    diagnostics.report(d.code, d.place, d.message) = d;
  }
  return builder.other_version() ? nothing : builder.take();
}

}  // namespace agentfense::lang
