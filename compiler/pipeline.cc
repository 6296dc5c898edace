#include "compiler/pipeline.h"

#include <algorithm>
#include <variant>

#include "compiler/analysis/checks.h"
#include "compiler/analysis/too_complex.h"
#include "compiler/emit_table.h"
#include "compiler/proof/prove.h"
#include "compiler/table/encode.h"
#include "lang/allow_comments.h"

namespace agentfense::compiler {
namespace {

bool has_errors_after(const lang::Diagnostics &diagnostics, size_t before) {
  return std::any_of(
      diagnostics.all().begin() + static_cast<std::ptrdiff_t>(before), diagnostics.all().end(),
      [](const lang::Diagnostic &d) { return d.severity == lang::Severity::error && !d.allowed; });
}

// A table that does not decode or does not prove is a fault of this compiler, not of the policy.
void report_fault(const std::string &what, const std::string &path, lang::Diagnostics &diagnostics) {
  lang::Diagnostic &d =
      diagnostics.report(lang::Code::internal_error, {}, what + "; no table was written, please report it");
  d.example = path;
}

}  // namespace

Compilation compile(const std::string &source, const CompileOptions &options, lang::FileReader &reader,
                    lang::Diagnostics &diagnostics) {
  Compilation c;

  // Text -> rules: files, imports, params, sets, extends.
  lang::LoadResult loaded = lang::load_policy(source, options.load, reader, diagnostics);
  c.files = std::move(loaded.files);
  c.io_error = loaded.io_error;
  c.rules = std::move(loaded.rules);

  // Beyond this point there is no text, only rules.
  if (c.rules) compile_rules(options, diagnostics, c);
  diagnostics.sort();
  return c;
}

void compile_rules(const CompileOptions &options, lang::Diagnostics &diagnostics, Compilation &c) {
  const size_t before = diagnostics.all().size();

  // Rules -> automaton: names to letters, paths of letters to states, minimised.
  BuildResult built = build_automaton(*c.rules, options.budget);
  if (!built.automaton) {
    report_too_complex(*c.rules, built.too_complex, diagnostics);
    return;
  }
  c.automaton = std::move(built.automaton);

  // Findings, decided on the automaton for all paths.
  Scope scope(*c.rules, *c.automaton);
  check_nevers(scope, diagnostics);
  check_tests(scope, diagnostics);
  check_dead_rules(scope, diagnostics);
  if (options.analysis) c.analysis = analyse(scope, *options.analysis, diagnostics);
  lang::apply_allow_comments(c.rules->files, diagnostics);
  if (!options.table) return;
  if (has_errors_after(diagnostics, before)) return;

  // Automaton -> bytes.
  const table::Image image = emit_table(*c.rules, *c.automaton);
  std::vector<std::byte> bytes = table::encode(image);

  // Beyond this point nothing above is trusted: the bytes are read back as a stranger's, and what
  // they say is proven against the rules by a construction that shares no code with the automaton.
  std::variant<table::Table, table::DecodeError> decoded = table::decode(bytes);
  if (const auto *error = std::get_if<table::DecodeError>(&decoded)) {
    report_fault("the table that was made fails the check `" + error->check + "`: " + error->message, "",
                 diagnostics);
    return;
  }
  const Proof proof = prove(*c.rules, std::get<table::Table>(decoded));
  c.figures = {static_cast<uint32_t>(image.states.size()),
               static_cast<uint32_t>(image.classifier.states.size()), image.component_classes, proof.pairs};
  switch (proof.verdict) {
    case Proof::Verdict::differs:
      report_fault("the table that was made does not mean what the rules say: " + proof.detail, proof.path,
                   diagnostics);
      return;
    case Proof::Verdict::over_budget:
      diagnostics.report(
          lang::Code::too_complex, {},
          "the table cannot be proven within the budget; write the policy with fewer `**` in one pattern");
      return;
    case Proof::Verdict::equal:
      break;
  }
  c.bytes = std::move(bytes);
  c.table.emplace(std::move(std::get<table::Table>(decoded)));
}

}  // namespace agentfense::compiler
