#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <span>

#include "compiler/cli/commands.h"
#include "compiler/cli/files.h"
#include "compiler/import/claude.h"
#include "compiler/import/codex.h"
#include "compiler/import/gitignore.h"
#include "compiler/import/rule_list.h"
#include "compiler/import/write_policy.h"
#include "lang/file_reader.h"
#include "lang/print_diagnostics.h"
#include "lang/spelling.h"

namespace agentfense::compiler::cli {
namespace {

struct Arguments {
  std::string source;
  std::string output;
  std::string from;
  std::string name = "imported";
  std::string preset;
  std::string root;
  std::string home;
  std::string base;
  bool json = false;
  bool strict = false;
};

int complain(const std::string &where, const std::string &what, Exit status) {
  std::cerr << "agentfense-compile: " << lang::escape_bytes(where) << ": " << what << "\n";
  return status;
}

// The kind of a source by its name, then by its content; empty where both leave it open.
std::string guess_kind(const std::string &source, const std::string &text) {
  const std::string name = std::filesystem::path(source).filename().string();
  if (name.ends_with(".gitignore") || name.ends_with("ignore")) return "gitignore";
  if (name.ends_with(".toml")) return "codex";
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos || (text[first] != '{' && text[first] != '[')) return "";
  const bool rules = text.find("\"pattern\"") != std::string::npos;
  const bool settings =
      text.find("\"defaultMode\"") != std::string::npos || text.find("\"deny\"") != std::string::npos ||
      text.find("\"sandbox\"") != std::string::npos || text.find("\"allow\"") != std::string::npos;
  if (rules && !settings) return "rules";
  if (settings && !rules) return "claude";
  return name.starts_with("settings") ? "claude"
         : name.starts_with("rules")  ? "rules"
         : text[first] == '['         ? "rules"
                                      : "";
}

// Absolute and normal, without a slash at the end; "" is /.
std::string folder_of(const std::string &text) {
  std::error_code error;
  std::string out = std::filesystem::absolute(text, error).lexically_normal().string();
  while (out.ends_with('/')) out.pop_back();
  return out;
}

// A line that begins with `import` is taken for one of a module by clang-format; hence `auto`.
auto anchor_of(const Arguments &arguments, std::optional<lang::Level> base) -> import::Anchor {
  import::Anchor anchor;
  std::filesystem::path folder = std::filesystem::path(folder_of(arguments.source)).parent_path();
  if (folder.filename() == ".claude" || folder.filename() == ".codex") folder = folder.parent_path();
  anchor.project = folder_of(arguments.source == "-" ? "." : folder.string());
  anchor.places.root = arguments.root.empty() ? anchor.project : folder_of(arguments.root);
  // Settings of a whole account name no project: the view is the project then.
  const bool inside =
      anchor.project == anchor.places.root || anchor.project.starts_with(anchor.places.root + "/");
  if (!inside) anchor.project = anchor.places.root;
  const char *home = std::getenv("HOME");
  const std::string given = !arguments.home.empty() ? arguments.home : home == nullptr ? "" : home;
  anchor.places.home_known = !given.empty();
  if (anchor.places.home_known) anchor.places.home = folder_of(given);
  anchor.places.base = base;
  return anchor;
}

std::optional<lang::Level> level_named(const std::string &name) {
  for (const lang::Level level :
       {lang::Level::none, lang::Level::view, lang::Level::read, lang::Level::write}) {
    if (name == lang::level_name(level)) return level;
  }
  return std::nullopt;
}

int run_import(const Arguments &arguments) {
  if (!lang::is_name(arguments.name) || level_named(arguments.name))
    return complain(arguments.name, "is no name of a policy; use letters, digits, `-` and `_`", kUsage);
  lang::DiskReader reader;
  const lang::ReadResult read = reader.read(arguments.source, import::kMaxSourceBytes);
  using Status = lang::ReadResult::Status;
  if (read.status == Status::missing) return complain(arguments.source, "there is no such file", kUsage);
  if (read.status == Status::too_large)
    return complain(arguments.source, "is larger than 4 MiB; no rule list is", kUsage);
  if (read.status == Status::failed)
    return complain(arguments.source, "cannot be read: " + read.reason, kUsage);
  const std::string kind = arguments.from.empty() ? guess_kind(arguments.source, read.text) : arguments.from;
  if (kind.empty())
    return complain(arguments.source,
                    "does not tell what it is; say --from rules, gitignore, claude or codex", kUsage);

  const import::Anchor anchor = anchor_of(arguments, level_named(arguments.base));
  import::Result result = import::Refusal{};
  std::string what = kind;
  if (kind == "rules") {
    what = "a rule list: the first match wins";
    auto list = import::read_rule_list(read.text, arguments.preset);
    if (const auto *refusal = std::get_if<import::Refusal>(&list))
      result = *refusal;
    else
      result = import::import_rule_list(std::get<import::RuleList>(list), arguments.name);
  } else if (kind == "gitignore") {
    what = "an ignore file";
    result = import::import_gitignore(read.text, arguments.name, anchor.places);
  } else if (kind == "claude") {
    what = "settings of Claude Code";
    result = import::import_claude(read.text, arguments.name, anchor);
  } else {
    what = "settings of Codex CLI";
    result = import::import_codex(read.text, arguments.name, anchor);
  }
  if (const auto *refusal = std::get_if<import::Refusal>(&result))
    return complain(arguments.source, refusal->message, kFindings);
  const import::Draft &draft = std::get<import::Draft>(result);
  const std::string text =
      import::policy_text(draft, std::filesystem::path(arguments.source).filename().string(), what);
  if (!arguments.output.empty() && !write_atomically(arguments.output, std::as_bytes(std::span(text))))
    return kUsage;
  std::cerr << import::summary(draft);
  if (arguments.json)
    std::cout << import::summary_json(draft, text);
  else if (arguments.output.empty())
    std::cout << text;
  const bool changed =
      !draft.left_out.empty() || !draft.hides_more.empty() || !draft.from_documents.empty() || !draft.decided;
  return arguments.strict && changed ? kFindings : kFine;
}

}  // namespace

void add_import(CLI::App &app, int &status) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App *command = app.add_subcommand("import", "Turn a rule list of another tool into a policy");
  command->footer(
      "The policy goes to OUT.afp or standard output; what differs and what is not carried over to standard\n"
      "error, and as comments into the policy. A malformed pattern is refused: it might have hidden "
      "something.\n\n"
      "Examples: agentfense-compile import rules.json -o rules.afp\n"
      "          agentfense-compile import presets.json --preset agent-safe --json\n"
      "          agentfense-compile import --from gitignore .gitignore --base write\n"
      "          agentfense-compile import --from claude .claude/settings.json --home /home/u\n"
      "          agentfense-compile import --from codex ~/.codex/config.toml --root ~/project");
  command->add_option("FILE", arguments->source, "The file to import, or - for standard input")->required();
  command->add_option("-o,--output", arguments->output, "The policy to write")->type_name("OUT.afp");
  command->add_option("--from", arguments->from, "What FILE is; found out where its name and content tell")
      ->check(CLI::IsMember({"rules", "gitignore", "claude", "codex"}))
      ->type_name("KIND");
  command->add_option("--name", arguments->name, "The name of the policy")->capture_default_str();
  command->add_option("--preset", arguments->preset, "Which of several named rule lists");
  command
      ->add_option("--root", arguments->root,
                   "The host folder that the view will show (default: the project)")
      ->type_name("PATH");
  command->add_option("--home", arguments->home, "What ~ stands for (default: $HOME)")->type_name("PATH");
  command->add_option("--base", arguments->base, "The level of what no rule names (not for rule lists)")
      ->check(CLI::IsMember({"none", "view", "read", "write"}))
      ->type_name("LEVEL");
  command->add_flag("--json", arguments->json,
                    "The policy, differences and omissions as JSON on standard output");
  command->add_flag("--strict", arguments->strict, "Exit 1 where anything differs or is not carried over");
  command->callback([arguments, &status] { status = run_import(*arguments); });
}

}  // namespace agentfense::compiler::cli
