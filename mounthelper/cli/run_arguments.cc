#include "mounthelper/cli/run_arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstring>

#include "mounthelper/launch/supervise.h"
#include "mounthelper/mount/size.h"

namespace agentfense::cli {
namespace {

constexpr const char *kFooter = R"(
Example:
  mount.agentfense run --preset agent-safe --base ~/project -- ls -la
  mount.agentfense run --preset agent-safe --base ~/project --delta ~/changes -- make
  mount.agentfense delta diff ~/changes --base ~/project

Exit status: the command's own; 128+N where signal N ended it; 124 after the time limit; 125 where the
helper failed, be it in --apply-on-success or --keep after a command that succeeded;
126 where the command cannot be executed; 127 where there is none of that name.)";

constexpr double kLongest = 1e9;  // seconds; a clock's nanoseconds hold it

RunAnswer usage_error(const std::string &why) {
  return {launch::kHelperFailed, why + "; see mount.agentfense run --help"};
}

// One sentence about words that do not go together; empty where they do.
std::string delta_fault(const RunArguments &words, const std::string &size) {
  bool some = words.ephemeral || !words.delta.empty();
  if (!some && !size.empty()) return "--delta-size limits a delta; add --delta or --ephemeral";
  if (!some && words.keep) return "--keep keeps a delta; add --ephemeral or --delta";
  if (!some && words.apply_on_success)
    return "--apply-on-success applies a delta; add --delta or --ephemeral";
  if (words.read_only && words.ephemeral)
    return "--ro changes nothing, so that --ephemeral has no use; give one";
  if (words.read_only && words.apply_on_success)
    return "--ro leaves nothing for --apply-on-success; give one";
  return {};
}

// CLI11 writes its errors as lines; ours are one sentence.
std::string one_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '.')) text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace

std::variant<RunArguments, RunAnswer> parse_run_arguments(std::span<const char *const> words) {
  auto dashes =
      std::find_if(words.begin(), words.end(), [](const char *word) { return std::strcmp(word, "--") == 0; });
  RunArguments result;
  std::vector<std::string> variables;
  std::string coherence;
  std::string delta_size;
  double timeout = 0;
  CLI::App app(
      "Runs a command in a sandbox that shows the base through a policy table.\n\n"
      "mount.agentfense run (--table OUT.aft | --preset NAME) --base DIR [options] -- COMMAND...",
      "mount.agentfense run");
  app.footer(kFooter);
  auto *table =
      app.add_option("--table", result.table, "compiled policy, as agentfense-compile build writes it");
  auto *preset = app.add_option("--preset", result.preset, "name of an installed preset, such as agent-safe");
  table->excludes(preset);
  app.add_option("--base", result.base, "directory to show")->required();
  app.add_option("--at", result.at, "where the command finds it")->capture_default_str();
  app.add_option("--workdir", result.workdir, "where the command starts; relative: below --at")
      ->type_name("DIR");
  auto *delta =
      app.add_option("--delta", result.delta, "keep all changes there; the base is only read")
          ->type_name("DIR")
          ->check([](const std::string &text) { return std::string(text.empty() ? "is empty" : ""); });
  auto *ephemeral = app.add_flag("--ephemeral", result.ephemeral,
                                 "keep all changes in a temporary delta, which is gone afterwards");
  delta->excludes(ephemeral);
  app.add_flag("--keep", result.keep,
               "leave the temporary delta and say where it is; a --delta stays anyway");
  app.add_option("--delta-size", delta_size,
                 "at most so many bytes of changes; K, M and G are powers of 1024")
      ->type_name("SIZE");
  app.add_flag("--apply-on-success", result.apply_on_success,
               "after exit status 0 write the changes to the base, as delta apply does");
  app.add_flag("--ro", result.read_only, "show it read-only, whatever the table allows");
  app.add_option("--coherence", coherence, "live: the base may change meanwhile; snapshot: it does not")
      ->check(CLI::IsMember({"live", "snapshot"}));
  app.add_flag("--net", result.net, "keep the host's network");
  app.add_option("--env", variables, "set a variable for the command; may be repeated")
      ->type_name("NAME=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  auto *limit = app.add_option("--timeout", timeout, "kill the command after so many seconds");
  app.add_flag("-q,--quiet", result.quiet, "no words of the helper's own but for errors");
  app.add_flag("-v,--verbose", result.verbose, "say what is used and what is not");

  // CLI11 takes its words last first.
  std::vector<std::string> before(std::make_reverse_iterator(dashes),
                                  std::make_reverse_iterator(words.begin()));
  try {
    app.parse(before);
  } catch (const CLI::CallForHelp &) {
    return RunAnswer{0, app.help()};
  } catch (const CLI::ParseError &error) {
    return usage_error(one_line(error.what()));
  }
  if (result.table.empty() == result.preset.empty()) return usage_error("give one of --table and --preset");
  if (dashes == words.end() || dashes + 1 == words.end())
    return usage_error("no command was given; write it after --");
  result.command.assign(dashes + 1, words.end());
  result.snapshot = coherence == "snapshot";
  if (std::string fault = delta_fault(result, delta_size); !fault.empty()) return usage_error(fault);
  if (!delta_size.empty()) {
    std::optional<uint64_t> size = mount::parse_size(delta_size);
    if (!size) {
      return usage_error("--delta-size " + delta_size +
                         " is not a size; write bytes, or with K, M or G, as in 512M");
    }
    result.delta_size = *size;
  }
  if (limit->count() > 0) {
    if (!(timeout > 0 && timeout <= kLongest)) {  // nan is neither
      return usage_error("--timeout is not a number of seconds above 0 and up to 1000000000");
    }
    result.timeout = timeout;
  }
  for (const std::string &variable : variables) {
    size_t equals = variable.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return usage_error("--env " + variable + " is not of the form NAME=VALUE");
    }
    result.environment.emplace_back(variable.substr(0, equals), variable.substr(equals + 1));
  }
  return result;
}

}  // namespace agentfense::cli
