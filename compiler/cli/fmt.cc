#include <algorithm>
#include <iostream>
#include <span>

#include "compiler/cli/commands.h"
#include "compiler/cli/files.h"
#include "compiler/cli/policy_arguments.h"
#include "lang/file_reader.h"
#include "lang/format.h"
#include "lang/load_files.h"
#include "lang/parse.h"
#include "lang/print_diagnostics.h"

namespace agentfense::compiler::cli {
namespace {

struct Arguments {
  std::vector<std::string> files;
  bool check = false;
};

// The formatted text of `file`, `text` being what it holds; nothing after its errors were printed.
std::optional<std::string> format(const std::string &file, std::string &text, int &status) {
  const std::string shown = file == "-" ? "<stdin>" : file;
  lang::Diagnostics diagnostics;
  lang::DiskReader reader;
  lang::ReadResult read = reader.read(file, lang::kMaxFileBytes);
  text = std::move(read.text);
  std::optional<std::string> formatted;
  if (read.status == lang::ReadResult::Status::ok) {
    formatted = lang::format_policy(text, diagnostics);
    status = formatted ? kFine : kFindings;
  } else if (read.status == lang::ReadResult::Status::too_large) {
    diagnostics.report(lang::Code::file_too_large, {}, lang::too_large_text());
    status = kFindings;
  } else {
    diagnostics.report(lang::Code::cannot_read, {}, "this file cannot be read: " + read.reason);
    status = kUsage;
  }
  diagnostics.sort();
  print_to_stderr(diagnostics, {{shown, text}});
  return formatted;
}

int fmt_one(const std::string &file, bool check) {
  std::string text;
  int status = kFine;
  const std::optional<std::string> formatted = format(file, text, status);
  if (!formatted) return status;
  if (check) {
    if (*formatted == text) return kFine;
    std::cout << (file == "-" ? "<stdin>" : lang::escape_bytes(file)) << '\n';
    return kFindings;
  }
  if (file == "-") {
    std::cout << *formatted;
    return kFine;
  }
  if (*formatted == text) return kFine;
  if (!write_atomically(file, std::as_bytes(std::span(*formatted)), NewFile::like_the_old)) return kUsage;
  std::cerr << lang::escape_bytes(file) << ": rewritten\n";
  return kFine;
}

int fmt(const Arguments &arguments) {
  if (arguments.files.size() > 1 && std::count(arguments.files.begin(), arguments.files.end(), "-") > 0) {
    std::cerr << "agentfense-compile: `-` is standard input and stands alone\n";
    return kUsage;
  }
  int worst = kFine;
  for (const std::string &file : arguments.files) worst = std::max(worst, fmt_one(file, arguments.check));
  return worst;
}

}  // namespace

void add_fmt(CLI::App &app, int &status) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App *command = app.add_subcommand("fmt", "Bring policies into canonical form");
  command->footer(
      "Files are rewritten in place; of - the result goes to standard output. A file with errors is left "
      "alone.\n"
      "Example: agentfense-compile fmt --check policies/*.afp");
  command->add_option("FILE", arguments->files, "Policy files, or - for standard input")->required();
  command->add_flag("--check", arguments->check,
                    "Write nothing; list the files that would change, and exit with 1");
  command->callback([arguments, &status] { status = fmt(*arguments); });
}

}  // namespace agentfense::compiler::cli
