// The compiler as one call: policy text in, proven table bytes out.
//
// Called by the command line, the tests and later the language server. Every finding goes to
// `diagnostics`; whether there is a table depends on errors alone, never on warnings or notes.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "compiler/analysis/analyse.h"
#include "compiler/automaton/automaton.h"
#include "compiler/table/table.h"
#include "lang/diagnostics.h"
#include "lang/load_policy.h"
#include "lang/rules.h"

namespace agentfense::compiler {

struct CompileOptions {
  lang::LoadOptions load;
  Budget budget;
  // Beyond what can stop a build; none where absent.
  std::optional<Depth> analysis;
  bool table = true;  // false: stop once the findings are in
};

struct CompileFigures {
  uint32_t path_states = 0;
  uint32_t name_states = 0;
  uint32_t component_classes = 0;
  uint64_t proof_pairs = 0;
};

struct Compilation {
  // As far as the compiler got: rules without an automaton mean `too-complex`, an automaton without
  // bytes means that a finding is an error.
  std::vector<lang::SourceFile> files;  // for printing diagnostics
  bool io_error = false;                // the policy file could not be read
  std::optional<lang::RuleSet> rules;
  std::optional<Automaton> automaton;
  Analysis analysis;                  // empty unless asked for
  std::vector<std::byte> bytes;       // the table; empty unless it is proven
  std::optional<table::Table> table;  // the same bytes, decoded
  CompileFigures figures;
};

// `source` is a path, "preset:NAME" or "-". Diagnostics come back sorted.
[[nodiscard]] Compilation compile(const std::string &source, const CompileOptions &options,
                                  lang::FileReader &reader, lang::Diagnostics &diagnostics);

// The same from a RuleSet at hand. Diagnostics are not sorted.
void compile_rules(const CompileOptions &options, lang::Diagnostics &diagnostics, Compilation &compilation);

}  // namespace agentfense::compiler
