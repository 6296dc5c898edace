// Diagnostics: everything the compiler has to say about a policy, as data.
//
// Made by lang and compiler; printed by lang/print_diagnostics.cc (text with caret and fix-it) and,
// later, by the report writers and the language server. Codes are stable: scripts and
// `allow CODE` comments name them. codes.def is the single list of them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lang/rules.h"

namespace agentfense::lang {

enum class Severity : uint8_t { note, warning, error };

enum class Code : uint16_t {
#define AGENTFENSE_CODE(ident, name, severity, summary) ident,
#include "lang/codes.def"
#undef AGENTFENSE_CODE
};

[[nodiscard]] const char *severity_name(Severity severity);  // "note", "warning", "error"
[[nodiscard]] std::string_view code_name(Code code);         // "dead-rule"
[[nodiscard]] Severity code_severity(Code code);             // default severity
[[nodiscard]] std::string_view code_summary(Code code);      // one line: what the code means
[[nodiscard]] std::optional<Code> code_of_name(std::string_view name);
// Whether the finding is a judgement that an author may overrule, by a comment or by --severity, as
// opposed to a policy that cannot be read or breaks what it promises.
[[nodiscard]] bool code_is_judgement(Code code);

// Errors of one kind of reading (a file's statements; all names and patterns) that are worth keeping:
// a file of 4 MiB can hold two million, and nobody reads the second thousand.
inline constexpr size_t kMaxErrors = 1'000;

// Replace the bytes of `place` by `text`.
struct FixIt {
  Place place;
  std::string text;
};

// A further place that explains a diagnostic ("the rule that covers it is here").
struct Remark {
  Place place;
  std::string message;
};

struct Diagnostic {
  Code code;
  Severity severity;
  Place place;
  std::string message;  // one sentence, no trailing period, no ANTLR or LLVM wording
  std::string example;  // a path that shows it, where one exists; raw bytes
  std::vector<FixIt> fixes;
  std::vector<Remark> remarks;
  // Belongs to the conflict report alone; `check` shows it with --all.
  bool report_only = false;
  // The reason of the `# agentfense: allow CODE reason` that answers it. Such a diagnostic fails
  // nothing and is shown in reports alone.
  std::optional<std::string> allowed;
};

// Collects diagnostics in the order found. Threads: one thread at a time.
class Diagnostics {
 public:
  Diagnostic &report(Code code, Place place, std::string message);
  [[nodiscard]] const std::vector<Diagnostic> &all() const { return all_; }
  // Whether no more of the text's errors are to be reported. One at least is kept.
  [[nodiscard]] bool full() const { return all_.size() >= kMaxErrors && has_errors(); }
  // One that was found and not reported, for those who keep to kMaxErrors.
  void drop() { ++dropped_; }
  // Says at the last diagnostic, by place, how many were dropped; nothing where none was.
  void remark_dropped();
  // For the passes that change severities or mark what a comment allows.
  [[nodiscard]] std::vector<Diagnostic> &edit() { return all_; }
  // Whether one is an error that no comment allows.
  [[nodiscard]] bool has_errors() const;
  // Sorts by file, place and code, stable, and drops exact repetitions.
  void sort();

 private:
  std::vector<Diagnostic> all_;
  size_t dropped_ = 0;
};

}  // namespace agentfense::lang
