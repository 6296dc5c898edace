#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>

#include "compiler/cli/commands.h"
#include "compiler/cli/files.h"
#include "lang/print_diagnostics.h"

namespace agentfense::compiler::cli {
namespace {

int presets(const std::vector<std::string> &preset_dirs) {
  std::vector<std::string> dirs = preset_dirs;
  for (std::string &dir : standard_preset_dirs()) dirs.push_back(std::move(dir));
  std::map<std::string, std::string> summaries;  // of the first folder that has the name
  for (const std::string &dir : dirs) {
    std::error_code error;
    for (const auto &entry : std::filesystem::directory_iterator(dir, error)) {
      if (entry.path().extension() != ".afp") continue;
      std::ifstream in(entry.path());
      std::string line;
      std::string summary;
      while (summary.empty() && std::getline(in, line)) {
        if (line.starts_with("#")) summary = line.substr(std::min(line.find_first_not_of("# "), line.size()));
      }
      summaries.try_emplace(entry.path().stem().string(), summary);
    }
    if (error) {
      std::cerr << "agentfense-compile: " << lang::escape_bytes(dir) << ": " << error.message() << "\n";
      return kUsage;
    }
  }
  if (summaries.empty()) {
    std::cerr << "agentfense-compile: no presets are installed; name their folder with --preset-dir\n";
    return kUsage;
  }
  size_t width = 0;
  for (const auto &[name, summary] : summaries) width = std::max(width, name.size());
  for (const auto &[name, summary] : summaries) {
    std::cout << name << std::string(width + 2 - name.size(), ' ') << lang::escape_bytes(summary) << "\n";
  }
  return kFine;
}

}  // namespace

void add_presets(CLI::App &app, int &status) {
  auto dirs = std::make_shared<std::vector<std::string>>();
  CLI::App *command = app.add_subcommand("presets", "List the presets and what each opens");
  command->footer("Example: agentfense-compile presets");
  command->add_option("--preset-dir", *dirs, "Look here first")->type_name("DIR");
  command->callback([dirs, &status] { status = presets(*dirs); });
}

}  // namespace agentfense::compiler::cli
