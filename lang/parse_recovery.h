// parse_recovery: what happens where the text does not fit the grammar. Part of parse.cc.
//
// The grammar is line oriented and ANTLR's own recovery is replaced:
//  - sync() is called before each turn of the statement loops; a line that starts no statement is
//    reported and skipped there, so the loops never end early;
//  - recoverInline() is called where a token does not fit; where it is clear what was meant (a
//    misspelled level, a `{` on the next line) it reports, repairs and goes on;
//  - anything else unwinds to the statement, which is dropped up to the end of its line.
#pragma once

#include <string>
#include <vector>

#include "lang/parse_source.h"

namespace agentfense::lang::parsing {

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

}  // namespace agentfense::lang::parsing
