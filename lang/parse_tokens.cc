#include "lang/parse_tokens.h"

#include <memory>

#include "AgentFenseLexer.h"
#include "lang/parse_source.h"

namespace agentfense::lang {
namespace {

using Kind = SourceToken::Kind;
using parsing::Grammar;

Kind kind_of(size_t type) {
  if (parsing::is_level(type)) return Kind::level;
  if (parsing::is_word(type)) return Kind::word;
  switch (type) {
    case Grammar::NL:
      return Kind::newline;
    case Grammar::COMMA:
      return Kind::comma;
    case Grammar::EQ:
      return Kind::equals;
    case Grammar::LBRACE:
      return Kind::open;
    case Grammar::RBRACE:
      return Kind::close;
    case Grammar::STRING:
      return Kind::string;
    case Grammar::PATTERN:
      return Kind::pattern;
    default:
      return Kind::name;
  }
}

// The line ends and comments between two tokens, or behind the comma of a COMMA token.
void append_gap(std::string_view text, size_t begin, size_t end, std::vector<SourceToken> &out) {
  for (size_t i = begin; i < end; ++i) {
    if (text[i] == '\n') {
      out.push_back({Kind::newline, static_cast<uint32_t>(i), 1});
    } else if (text[i] == '#') {
      size_t stop = std::min(text.find('\n', i), end);
      out.push_back({Kind::comment, static_cast<uint32_t>(i), static_cast<uint32_t>(stop - i)});
      i = stop - 1;
    }
  }
}

}  // namespace

std::vector<SourceToken> source_tokens(std::string_view text) {
  parsing::ByteStream input(text);
  grammar::AgentFenseLexer lexer(&input);
  lexer.removeErrorListeners();
  std::vector<SourceToken> out;
  size_t behind = 0;
  while (true) {
    std::unique_ptr<antlr4::Token> token = lexer.nextToken();
    if (token->getType() == antlr4::Token::EOF) break;
    size_t begin = token->getStartIndex();
    size_t end = token->getStopIndex() + 1;
    append_gap(text, behind, begin, out);
    Kind kind = kind_of(token->getType());
    size_t shown = kind == Kind::comma ? 1 : end - begin;
    out.push_back({kind, static_cast<uint32_t>(begin), static_cast<uint32_t>(shown)});
    if (kind == Kind::comma) append_gap(text, begin + 1, end, out);
    behind = end;
  }
  append_gap(text, behind, text.size(), out);
  return out;
}

}  // namespace agentfense::lang
