#include <unistd.h>

#include <filesystem>
#include <iostream>

#include "compiler/cli/commands.h"
#include "compiler/cli/files.h"
#include "compiler/table/digest.h"
#include "lang/print_diagnostics.h"

namespace agentfense::compiler::cli {
namespace {

int verify(const std::string &file) {
  const std::optional<table::Table> t = read_table(file);
  if (!t) {
    std::error_code ignored;
    const bool read = std::filesystem::is_regular_file(file, ignored) && ::access(file.c_str(), R_OK) == 0;
    return read ? kFindings : kUsage;
  }
  std::cout << lang::escape_bytes(file) << ": sound; policy " << lang::escape_bytes(t->policy()) << ", "
            << t->rule_count() << " rules, " << t->state_count() << " states, " << t->class_count()
            << " name classes, " << t->byte_size() << " bytes, sha256 " << table::to_hex(t->file_digest())
            << "\n";
  return kFine;
}

}  // namespace

void add_verify(CLI::App &app, int &status) {
  auto file = std::make_shared<std::string>();
  CLI::App *command = app.add_subcommand("verify", "Check every byte of a table");
  command->footer("Example: agentfense-compile verify review.aft");
  command->add_option("OUT.aft", *file, "The table")->required();
  command->callback([file, &status] { status = verify(*file); });
}

}  // namespace agentfense::compiler::cli
