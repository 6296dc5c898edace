// Contradictions: what the policy itself says against an edit.
//
// Decided for all paths that the edit reaches, on the automaton of the rules that still say something
// there: it is small, however long the policy is.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/explain/edit.h"
#include "lang/diagnostics.h"
#include "lang/rules.h"

namespace agentfense::compiler {

struct Contradiction {
  lang::Code code;      // never_broken, test_failed, or dead_rule: an allow that then changes nothing
  lang::Place place;    // of the never, the test or the allow
  std::string text;     // of the statement; for a test "LEVEL PATH"
  std::string example;  // a path that shows it; empty for a dead rule
};

// Those of one path's edits. Ownership: points to the rules, which outlive it. Threads: one.
class ContradictionSearch {
 public:
  ContradictionSearch(const lang::RuleSet &rules, std::string_view path);

  // What the edited policy fails that the policy as it is does not, sorted by place. Nothing where the
  // search passed its budget.
  [[nodiscard]] std::optional<std::vector<Contradiction>> of(std::span<const Edit> edits);

 private:
  using Faults = std::optional<std::vector<Contradiction>>;
  // What the policy has to say at `top` and below it, with `top` as the root.
  struct Part {
    std::string top;
    lang::RuleSet rules;
    std::vector<uint32_t> origin;  // of each rule of the part: its index in the policy
    std::optional<Faults> before;
  };
  [[nodiscard]] Part part_below(std::string_view top) const;
  [[nodiscard]] static Faults faults_of(const Part &part, const lang::RuleSet &rules);

  const lang::RuleSet &rules_;
  std::string path_;
  Part below_;
  std::optional<Part> whole_;
};

}  // namespace agentfense::compiler
