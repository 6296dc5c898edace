// expect_file: the expectations that stand beside a policy instead of inside it.
//
//   policy review            # optional, first: the policy that is meant, where the file has several
//   read  /src/main.cc, /docs
//   none  "/My Documents/.env"
//
// Lines and paths are written as in a `test` block (lang/LANGUAGE.md): `#` starts a comment, a list goes on
// behind its comma in the next line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lang/diagnostics.h"
#include "lang/pattern_syntax.h"
#include "lang/rules.h"

namespace agentfense::compiler {

struct ExpectFile {
  std::string policy;  // empty: not named
  lang::Place policy_place;
  std::vector<lang::TestCase> tests;
};

// Reports every error and keeps the lines without one. `file` becomes Place::file; `params` are what ${name}
// stands for. Threads: pure.
[[nodiscard]] ExpectFile parse_expect_file(uint32_t file, std::string_view text,
                                           const lang::ParamValues &params, lang::Diagnostics &diagnostics);

}  // namespace agentfense::compiler
