// ANTLR is seen here and in parse_tokens.cc alone; parse_*.h are the parts.
#include "lang/parse.h"

#include <memory>

#include "AgentFenseLexer.h"
#include "lang/parse_builder.h"
#include "lang/parse_recovery.h"
#include "lang/parse_source.h"
#include "lang/source_check.h"

namespace agentfense::lang {

ast::File parse(uint32_t file, std::string_view text, Diagnostics &diagnostics) {
  ast::File nothing;
  nothing.broken = true;
  if (!check_source(file, text, diagnostics)) return nothing;

  Diagnostics found;
  parsing::Source source(file, text, found);
  parsing::ByteStream input(text);
  grammar::AgentFenseLexer lexer(&input);
  lexer.removeErrorListeners();
  antlr4::CommonTokenStream tokens(&lexer);
  tokens.fill();
  parsing::check_tokens(tokens, source);

  parsing::Grammar parser(&tokens);
  parser.removeErrorListeners();
  parser.setErrorHandler(std::make_shared<parsing::Recovery>(source, tokens));
  parser.setBuildParseTree(false);
  parser.getInterpreter<antlr4::atn::ParserATNSimulator>()->setPredictionMode(
      antlr4::atn::PredictionMode::SLL);
  parsing::Builder builder(source, tokens);
  parser.addParseListener(&builder);
  parser.file();

  if (!builder.has_statement() && !source.broken()) {
    Diagnostic &d = source.error_at(Code::missing_version, Place{file, 1, 1, 0, 0},
                                    "the file says nothing; its first statement is `agentfense 1`");
    d.fixes.push_back({d.place, "agentfense 1\n"});
  }
  found.remark_dropped();
  // Another version of the language may mean anything by the rest.
  for (const Diagnostic &d : found.all()) {
    if (builder.other_version() && d.code != Code::unknown_version) continue;
    diagnostics.report(d.code, d.place, d.message) = d;
  }
  return builder.other_version() ? nothing : builder.take();
}

}  // namespace agentfense::lang
