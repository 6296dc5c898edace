#include "compiler/cli/commands.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <set>

#include "compiler/analysis/walk_path.h"
#include "compiler/cli/files.h"
#include "compiler/table/digest.h"
#include "compiler/table/dump.h"
#include "lang/dump.h"
#include "lang/print_diagnostics.h"

namespace agentfense::compiler::cli {
namespace {

void print(const lang::Diagnostics &diagnostics, const std::vector<lang::SourceFile> &files) {
  lang::PrintOptions options;
  options.colour = ::isatty(STDERR_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
  std::cerr << lang::print_diagnostics(diagnostics.all(), files, options);
}

// Nothing where the arguments themselves are faulty, which has been said then.
std::optional<Compilation> compile_and_print(const PolicyArguments &arguments,
                                             lang::Diagnostics &diagnostics) {
  CompileOptions options;
  if (!compile_options(arguments, options)) return std::nullopt;
  lang::DiskReader reader;
  Compilation c = compile(arguments.source, options, reader, diagnostics);
  print(diagnostics, c.files);
  return c;
}

int status_of(const Compilation &c, const lang::Diagnostics &diagnostics) {
  if (c.io_error) return kUsage;
  return diagnostics.has_errors() ? kPolicyErrors : kFine;
}

std::string place_and_text(const std::string &file, uint32_t line, std::string_view text) {
  return lang::escape_bytes(file) + ":" + std::to_string(line) + " " + lang::escape_bytes(text);
}

// One line of `explain`.
void print_line(const std::string &path, const char *level, const std::string &rule, bool traversable) {
  std::cout << lang::escape_bytes(path) << '\t' << level << '\t'
            << (rule.empty() ? "no rule allows it" : rule);
  if (traversable) std::cout << " (a directory here shows, for what is visible below it)";
  std::cout << '\n';
}

// A path as explain takes it: absolute in the view, without `.` and `..`.
bool is_view_path(const std::string &path) {
  if (path.empty() || path[0] != '/') return false;
  for (size_t begin = 1; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view name = std::string_view(path).substr(begin, end - begin);
    if (name == "." || name == "..") return false;
    begin = end + 1;
  }
  return true;
}

int explain_table(const std::string &file, const std::vector<std::string> &paths) {
  const std::optional<table::Table> t = read_table(file);
  if (!t) return kUsage;
  for (const std::string &path : paths) {
    const table::Explained e = t->explain(path);
    std::string rule;
    if (e.rule != table::kNoRule) {
      const table::RuleView r = t->rule(e.rule);
      rule = place_and_text(std::string(r.file), r.line, r.text);
    }
    print_line(path, lang::level_name(static_cast<lang::Level>(e.info.level)), rule,
               e.info.level == table::Level::none && e.info.visible_below);
  }
  return kFine;
}

}  // namespace

bool compile_options(const PolicyArguments &arguments, CompileOptions &options) {
  options.load.policy = arguments.policy;
  options.load.preset_dirs = arguments.preset_dirs;
  for (std::string &dir : standard_preset_dirs()) options.load.preset_dirs.push_back(std::move(dir));
  for (const std::string &define : arguments.defines) {
    const size_t equals = define.find('=');
    if (equals == std::string::npos || equals == 0) {
      std::cerr << "agentfense-compile: -D " << lang::escape_bytes(define) << ": write -D NAME=VALUE\n";
      return false;
    }
    options.load.defines.emplace_back(define.substr(0, equals), define.substr(equals + 1));
  }
  return true;
}

int build(const PolicyArguments &arguments, const std::string &output, bool quiet) {
  lang::Diagnostics diagnostics;
  const std::optional<Compilation> compiled = compile_and_print(arguments, diagnostics);
  if (!compiled) return kUsage;
  const Compilation &c = *compiled;
  if (c.bytes.empty()) return c.io_error ? kUsage : kPolicyErrors;
  for (const lang::SourceFile &source : c.files) {
    std::error_code ignored;
    if (!std::filesystem::equivalent(output, source.name, ignored)) continue;
    std::cerr << "agentfense-compile: " << lang::escape_bytes(output)
              << ": is a source of this policy; name another file for the table\n";
    return kUsage;
  }
  if (!write_atomically(output, c.bytes)) return kUsage;
  if (!quiet) {
    std::cerr << lang::escape_bytes(output) << ": " << c.rules->rules.size() << " rules, "
              << c.figures.path_states << " states, " << c.figures.component_classes << " name classes, "
              << c.bytes.size() << " bytes, proven over all paths\n";
  }
  return kFine;
}

int explain(const PolicyArguments &arguments, const std::vector<std::string> &paths) {
  for (const std::string &path : paths) {
    if (is_view_path(path)) continue;
    std::cerr << "agentfense-compile: " << lang::escape_bytes(path)
              << ": is no path of a view; start it with `/` and leave out `.` and `..`\n";
    return kUsage;
  }
  if (looks_like_table(arguments.source)) return explain_table(arguments.source, paths);
  lang::Diagnostics diagnostics;
  const std::optional<Compilation> compiled = compile_and_print(arguments, diagnostics);
  if (!compiled) return kUsage;
  const Compilation &c = *compiled;
  if (c.automaton) {
    for (const std::string &path : paths) {
      const WalkedPath w = walk_path(*c.automaton, path);
      std::string rule;
      if (w.rule != kNoRule) {
        const lang::Rule &r = c.rules->rules[w.rule];
        rule = place_and_text(c.rules->files[r.place.file].name, r.place.line, r.text);
      }
      print_line(path, lang::level_name(w.level), rule,
                 w.level == lang::Level::none && c.automaton->facts[w.state].visible_below);
    }
  }
  return status_of(c, diagnostics);
}

int verify(const std::string &file) {
  const std::optional<table::Table> t = read_table(file);
  if (!t) {
    std::error_code ignored;
    const bool read = std::filesystem::is_regular_file(file, ignored) && ::access(file.c_str(), R_OK) == 0;
    return read ? kPolicyErrors : kUsage;
  }
  std::cout << lang::escape_bytes(file) << ": sound; policy " << lang::escape_bytes(t->policy()) << ", "
            << t->rule_count() << " rules, " << t->state_count() << " states, " << t->class_count()
            << " name classes, " << t->byte_size() << " bytes, sha256 " << table::to_hex(t->file_digest())
            << "\n";
  return kFine;
}

int dump(const std::string &file, bool json) {
  const std::optional<table::Table> t = read_table(file);
  if (!t) return kUsage;
  std::cout << (json ? table::dump_json(*t) : table::dump_text(*t));
  return kFine;
}

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

}  // namespace agentfense::compiler::cli
