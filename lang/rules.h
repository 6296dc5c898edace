// RuleSet: what one policy says, with nothing left to look up.
//
// Made by lang/resolve.cc (imports, params, sets, extends, braces and nocase are gone); read by
// compiler/automaton, compiler/analysis and compiler/emit_table.cc. Order of rules never changes
// meaning; it is kept (inherited rules first, then the policy's own, each in source order) so that
// ties between equally strong rules are decided the same way on every run.
//
// Meaning of a RuleSet, for every path p:
//   allowed(p)   = highest level of the allow rules of which some pattern covers p, else none
//   limit(p)     = lowest level of the limit rules of which some pattern covers p and no except
//                  pattern covers p, else write
//   effective(p) = min(allowed(p), limit(p))
//
// Ownership: a RuleSet owns all its text. Threads: plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lang/path_pattern.h"

namespace agentfense::lang {

enum class Level : uint8_t { none = 0, view = 1, read = 2, write = 3 };

[[nodiscard]] const char *level_name(Level level);

// A stretch of a source file. Lines and columns count from 1, columns in bytes.
struct Place {
  uint32_t file = 0;  // index into RuleSet::files
  uint32_t line = 0;
  uint32_t column = 0;
  uint32_t offset = 0;  // byte offset in the file
  uint32_t length = 0;  // bytes
};

struct SourceFile {
  std::string name;  // as diagnostics and tables show it: as given, or relative to the main file,
                     // or "preset:NAME"
  std::string text;
};

// A pattern as written, and the brace-free patterns that it stands for.
struct RulePattern {
  std::string text;  // canonical spelling: params inserted, sets expanded, braces kept
  Place place;
  std::vector<PathPattern> alternatives;
};

struct Rule {
  enum class Kind : uint8_t { allow, limit };
  Kind kind = Kind::allow;
  Level level = Level::none;
  bool nocase = false;     // already folded into the patterns; kept for display
  bool inherited = false;  // came by `extends`
  std::vector<RulePattern> patterns;
  std::vector<RulePattern> except;  // limits only; includes the ones that `extends ... except` adds
  std::string text;                 // the statement on one line, white space collapsed, without its reason
  std::string reason;
  std::string policy;       // the policy that it is written in
  Place place;              // of the whole statement
  Place items_end;          // empty, behind the last pattern or exception: where another one can be written
  bool has_except = false;  // in its own statement
  std::vector<uint32_t> extends;  // where inherited: each of RuleSet::extends that brings it
};

// An `extends` of the policy itself: where an exception to the limits that it brings can be written.
struct ExtendsClause {
  std::string text;  // on one line
  Place place;       // of the whole clause
  Place items_end;   // empty, behind the last policy or exception
  bool has_except = false;
  std::optional<Place> seal;  // the `sealed` for which an exception would be refused here
};

// No path that a pattern covers may have effective(p) >= level.
struct NeverRule {
  Level level = Level::none;
  bool inherited = false;
  std::vector<RulePattern> patterns;
  std::string text;
  std::string reason;
  Place place;
};

// effective(path) must be exactly `level`.
struct TestCase {
  Level level = Level::none;
  std::string path;  // bytes; starts with '/', no empty, `.` or `..` component, no trailing '/'
  Place place;
};

struct RuleSet {
  std::string policy;
  std::vector<SourceFile> files;  // every file that was read, main file first
  std::vector<Rule> rules;
  std::vector<NeverRule> nevers;
  std::vector<TestCase> tests;         // of the policy itself; the tests of a policy it extends are not taken
  std::vector<ExtendsClause> extends;  // of the policy itself
  Place name;                          // of the policy, in its header
  Place end;                           // its `}`
  // Of its own file and that file's imports, by name, with their values: for tests that stand elsewhere.
  std::vector<std::pair<std::string, std::string>> params;
};

}  // namespace agentfense::lang
