#include "lang/load_policy.h"

#include "lang/load_files.h"
#include "lang/resolve.h"

namespace agentfense::lang {
namespace {

LoadResult load(const std::string &source, std::optional<std::string_view> text, const LoadOptions &options,
                FileReader &reader, Diagnostics &diagnostics) {
  Diagnostics found;
  Program program = load_files(source, text, options, reader, found);
  LoadResult result;
  result.io_error = program.io_error;
  if (!program.modules.empty()) result.rules = resolve(program, options, found);
  found.remark_dropped();
  if (found.has_errors()) result.rules.reset();
  if (result.rules) result.rules->files = program.files;
  result.files = std::move(program.files);
  for (const Diagnostic &d : found.all()) diagnostics.report(d.code, d.place, d.message) = d;
  return result;
}

}  // namespace

LoadResult load_policy(const std::string &source, const LoadOptions &options, FileReader &reader,
                       Diagnostics &diagnostics) {
  return load(source, std::nullopt, options, reader, diagnostics);
}

LoadResult load_policy_text(const std::string &name, std::string_view text, const LoadOptions &options,
                            FileReader &reader, Diagnostics &diagnostics) {
  return load(name, text, options, reader, diagnostics);
}

}  // namespace agentfense::lang
