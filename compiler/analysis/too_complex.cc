#include "compiler/analysis/too_complex.h"

#include <cmath>
#include <string>

namespace agentfense::compiler {

void report_too_complex(const lang::RuleSet &rules, const TooComplex &too_complex,
                        lang::Diagnostics &diagnostics) {
  const bool names = too_complex.where == TooComplex::Where::names;
  const std::string cause =
      names ? "too many `*` between other characters of one component: the table would have to "
              "remember each set of them that a name can match"
            : "too many patterns with a `**` after another `**` or before a name: the table would "
              "have to remember each set of them that a path can meet";
  const std::string remedy =
      names ? "keep one `*` in a component (`**/name*` or `**/*.ext`), or name the folder that they are in"
            : "anchor them (`/dir/**/name` instead of `**/dir/**/name`), or cover the folder itself";
  const auto place_of = [&](const TooComplex::Cost &c) {
    return c.never ? rules.nevers[c.rule].place : rules.rules[c.rule].place;
  };
  const lang::Place place = too_complex.costs.empty() ? lang::Place{} : place_of(too_complex.costs.front());
  lang::Diagnostic &d = diagnostics.report(lang::Code::too_complex, place, cause + "; " + remedy);
  for (const TooComplex::Cost &c : too_complex.costs) {
    const std::string &text = c.never ? rules.nevers[c.rule].text : rules.rules[c.rule].text;
    const int percent = static_cast<int>(std::lround(c.share * 100));
    d.remarks.push_back(
        {place_of(c),
         "`" + text + "` takes " + (percent < 1 ? "under 1" : std::to_string(percent)) + " % of the cost"});
  }
}

}  // namespace agentfense::compiler
