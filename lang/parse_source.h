// parse_source: a text as ANTLR's tokens see it, and where the errors of these tokens go.
//
// Included by parse.cc, its parts and parse_tokens.cc, nowhere else, so that ANTLR stays inside.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "AgentFenseParser.h"
#include "antlr4-runtime.h"
#include "lang/diagnostics.h"
#include "lang/place.h"
#include "lang/spelling.h"
#include "lang/suggest.h"

namespace agentfense::lang::parsing {

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
    if (index >= text_.size()) return IntStream::EOF;
    // ANTLR remembers its decisions for characters below 128 alone and takes 10 us for each other one.
    // To the grammar all bytes from 128 on are what `%` is; the text of a token is taken from the source.
    auto b = static_cast<unsigned char>(text_[index]);
    return b < 0x80 ? b : '%';
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

inline bool is_top_word(size_t type) {
  return type == Grammar::AGENTFENSE || type == Grammar::IMPORT || type == Grammar::PARAM ||
         type == Grammar::SET || type == Grammar::POLICY;
}
inline bool is_policy_word(size_t type) {
  return type == Grammar::ALLOW || type == Grammar::LIMIT || type == Grammar::NEVER || type == Grammar::TEST;
}
inline bool is_level(size_t type) {
  return type == Grammar::NONE || type == Grammar::VIEW || type == Grammar::READ || type == Grammar::WRITE;
}
inline bool is_word(size_t type) { return type >= Grammar::AGENTFENSE && type <= Grammar::WRITE; }
inline bool is_item(size_t type) {
  return type == Grammar::NAME || type == Grammar::PATTERN || type == Grammar::STRING;
}

inline Level level_of(size_t type) {
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
inline constexpr Word kTopWords[] = {{"agentfense", Grammar::AGENTFENSE},
                                     {"import", Grammar::IMPORT},
                                     {"param", Grammar::PARAM},
                                     {"set", Grammar::SET},
                                     {"policy", Grammar::POLICY}};
inline constexpr Word kPolicyWords[] = {
    {"allow", Grammar::ALLOW}, {"limit", Grammar::LIMIT}, {"never", Grammar::NEVER}, {"test", Grammar::TEST}};
inline constexpr Word kLevelWords[] = {
    {"none", Grammar::NONE}, {"view", Grammar::VIEW}, {"read", Grammar::READ}, {"write", Grammar::WRITE}};
inline constexpr Word kHeaderWords[] = {
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
    size_t index = token->getTokenIndex();
    if (reported_.size() <= index) reported_.resize(index + 1);
    if (reported_[index]) return spare_ = {};
    reported_[index] = true;
    return error_at(code, place, std::move(message));
  }
  Diagnostic &error(Code code, const Token *token, std::string message) {
    return error(code, token, place(token), std::move(message));
  }
  Diagnostic &error_at(Code code, Place place, std::string message) {
    broken_ = true;
    if (diagnostics_.all().size() >= kMaxErrors) {
      diagnostics_.drop();
      return spare_ = {};
    }
    return diagnostics_.report(code, place, std::move(message));
  }

  bool broken() const { return broken_; }
  uint32_t file() const { return file_; }

 private:
  uint32_t file_;
  std::string_view text_;
  Diagnostics &diagnostics_;
  std::vector<bool> reported_;  // by token index
  Diagnostic spare_{};
  bool broken_ = false;
};

// Errors of single tokens; repairs what it reports, so that the grammar is not disturbed as well.
inline void check_tokens(antlr4::CommonTokenStream &tokens, Source &source) {
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

}  // namespace agentfense::lang::parsing
