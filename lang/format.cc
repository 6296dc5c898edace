#include "lang/format.h"

#include "lang/format_check.h"
#include "lang/format_lines.h"
#include "lang/format_print.h"
#include "lang/parse.h"

namespace agentfense::lang {

std::optional<std::string> format_policy(std::string_view text, Diagnostics &diagnostics) {
  Diagnostics found;
  const ast::File given = parse(0, text, found);
  if (given.broken || found.has_errors()) {
    for (const Diagnostic &d : found.all()) diagnostics.report(d.code, d.place, d.message) = d;
    return std::nullopt;
  }
  auto lines = format_lines(text, diagnostics);
  if (!lines) {
    diagnostics.remark_dropped();
    return std::nullopt;
  }
  std::string out = format_print(*lines);
  if (out.size() > kMaxFileBytes) {
    diagnostics.report(Code::file_too_large, {},
                       "in canonical form this file would be larger than " +
                           std::to_string(kMaxFileBytes >> 20) + " MiB; split it by `import`");
    return std::nullopt;
  }

  // Beyond this point nothing above is trusted.
  const ast::File made = parse(0, out, found);
  if (found.has_errors() || !same_ast(given, made) || !same_comments(text, out)) {
    diagnostics.report(Code::internal_error, {},
                       "formatting would change what this file says; it is left as it is, please report it");
    return std::nullopt;
  }
  return out;
}

}  // namespace agentfense::lang
