// What explain has found, as text and as JSON. Bytes that could steer a terminal are escaped in both.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compiler/explain/changes.h"
#include "compiler/explain/explain.h"
#include "lang/rules.h"

namespace agentfense::compiler {

// One path of which everything is known.
struct ExplainedPath {
  std::string path;  // as given
  bool traversable = false;
  Explanation explanation;
  std::vector<Change> changes;
};

// FILE:LINE TEXT, as the deciding rule is shown.
[[nodiscard]] std::string place_and_text(std::string_view file, uint32_t line, std::string_view text);

// The first line: PATH<TAB>LEVEL<TAB>RULE. `rule` is empty where none decides.
[[nodiscard]] std::string first_line(std::string_view path, lang::Level level, const std::string &rule,
                                     bool traversable);

// The lines below it, each indented.
[[nodiscard]] std::string details(const lang::RuleSet &rules, const ExplainedPath &path);

// One object; agentfense-compile(1) documents it.
[[nodiscard]] std::string explained_json(const lang::RuleSet &rules, const std::string &source,
                                         const std::vector<ExplainedPath> &paths);

// The same for a table, which knows the decider alone.
struct DecidedPath {
  std::string path;
  lang::Level level;
  bool traversable;
  std::string file, text;  // of the decider; no text where there is none
  uint32_t line;
};
[[nodiscard]] std::string decided_json(const std::string &source, const std::vector<DecidedPath> &paths);

}  // namespace agentfense::compiler
