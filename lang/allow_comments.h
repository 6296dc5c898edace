// allow_comments: `# agentfense: allow CODE reason` in the source, on a line of its own.
//
// It answers the findings with that code whose place begins in what comes next below it, blank lines and
// other comments aside: a whole statement (of a block its first line, up to `{`), or, inside a list,
// one item. So a formatter can move both without changing what is answered. Only judgements
// (code_is_judgement) can be allowed, and a reason must be given. The comments of all files of a policy
// count, each for findings of its own file.
#pragma once

#include <functional>
#include <vector>

#include "lang/diagnostics.h"

namespace agentfense::lang {

// Sets `allowed` on the diagnostics that a comment answers, and reports `bad-allow` for comments that
// cannot be read (no code, unknown code, no judgement, no reason, nothing below it).
// Call it once all findings are in, before errors are looked for. May be called again for findings
// that came later; what it reports twice, Diagnostics::sort() drops.
// REQUIRES: the files parse without errors. Costs a search of each text where no file has such comments.
void apply_allow_comments(const std::vector<SourceFile> &files, Diagnostics &diagnostics);

// Reports `unused-allow` for each comment that answers no finding, and of which `judged` says that what
// it answers was looked for: the findings of a run with less would make honest comments look unused.
// `allow unused-allow` above such a comment answers that.
using JudgedAllow = std::function<bool(Code code, const Place &comment)>;
void report_unused_allows(const std::vector<SourceFile> &files, const JudgedAllow &judged,
                          Diagnostics &diagnostics);

}  // namespace agentfense::lang
