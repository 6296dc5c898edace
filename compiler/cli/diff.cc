#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <optional>
#include <thread>

#include "compiler/cli/commands.h"
#include "compiler/cli/files.h"
#include "compiler/cli/policy_arguments.h"
#include "compiler/cli/progress.h"
#include "compiler/diff/print.h"
#include "lang/print_diagnostics.h"

namespace agentfense::compiler::cli {
namespace {

using diff::Change;
using diff::Comparison;

struct Arguments {
  std::string old_source, new_source;
  PolicyArguments both;
  std::string old_policy, new_policy;
  std::vector<std::string> old_defines, new_defines;
  std::string format = "text";
  std::string fail_on = "any";
  std::string tree;
  diff::TextLimits limits;
};

// One side on its way to a table.
struct Side {
  PolicyArguments arguments;
  lang::Diagnostics diagnostics;
  Compilation compilation;
  std::optional<table::Table> table;
};

Side side_of(const Arguments &arguments, const std::string &source, const std::string &policy,
             const std::vector<std::string> &defines) {
  Side side;
  side.arguments = arguments.both;
  side.arguments.source = source;
  if (!policy.empty()) side.arguments.policy = policy;
  side.arguments.defines.insert(side.arguments.defines.end(), defines.begin(), defines.end());
  return side;
}

// What is no error is for `check` to say.
void complain(Side &side) {
  std::erase_if(side.diagnostics.edit(),
                [](const lang::Diagnostic &d) { return d.severity != lang::Severity::error || d.allowed; });
  print_to_stderr(side.diagnostics, side.compilation.files);
  std::cerr << "agentfense-compile: " << lang::escape_bytes(side.arguments.source)
            << ": cannot be compared as long as it does not compile\n";
}

// Tables are read as they are, the sources of both sides compiled at once. False after a sentence on
// stderr.
bool compile_sides(Side &old_side, Side &new_side) {
  std::vector<std::pair<Side *, CompileOptions>> sources;
  for (Side *side : {&old_side, &new_side}) {
    CompileOptions options;
    if (!compile_options(side->arguments, options)) return false;
    if (looks_like_table(side->arguments.source)) {
      side->table = read_table(side->arguments.source);
      if (!side->table) return false;
    } else {
      sources.emplace_back(side, std::move(options));
    }
  }
  std::vector<std::thread> threads;
  for (const auto &[side, options] : sources) {
    threads.emplace_back([side = side, &options = options] {
      lang::DiskReader reader;
      side->compilation = compile(side->arguments.source, options, reader, side->diagnostics);
    });
  }
  for (std::thread &thread : threads) thread.join();
  bool whole = true;
  for (const auto &[side, options] : sources) {
    if (side->compilation.table) {
      side->table = std::move(side->compilation.table);
    } else {
      complain(*side);
      whole = false;
    }
  }
  return whole;
}

bool has(const Comparison &comparison, Change one, Change other) {
  return std::ranges::any_of(comparison.classes, [&](const diff::ChangeClass &c) {
    return c.difference.change == one || c.difference.change == other;
  });
}

int verdict(const Arguments &arguments, const Comparison &comparison) {
  const bool raised = has(comparison, Change::raised, Change::appears);
  const bool lowered = has(comparison, Change::lowered, Change::vanishes);
  if (comparison.verdict == Comparison::Verdict::over_budget) {
    std::cerr << "agentfense-compile: the two policies were not compared to the end, the search passed its "
                 "budget after "
              << comparison.pairs << " pairs of states; compare versions that differ less\n";
    return kUsage;
  }
  if (comparison.verdict == Comparison::Verdict::equal) {
    std::cerr << "equal: both policies give every path the same level and show the same names\n";
    return kFine;
  }
  if (arguments.fail_on == "raised") {
    std::cerr << (raised ? "new access: the new policy gives some path more than the old one\n"
                         : "no new access: the new policy gives no path more than the old one\n");
  }
  const bool failed = (arguments.fail_on == "any") || (arguments.fail_on == "raised" && raised) ||
                      (arguments.fail_on == "lowered" && lowered);
  return failed ? kFindings : kFine;
}

int run(const Arguments &arguments) {
  if (arguments.old_source == "-" && arguments.new_source == "-") {
    std::cerr << "agentfense-compile: standard input can be one side only; name a file for the other\n";
    return kUsage;
  }
  Side old_side = side_of(arguments, arguments.old_source, arguments.old_policy, arguments.old_defines);
  Side new_side = side_of(arguments, arguments.new_source, arguments.new_policy, arguments.new_defines);
  if (!compile_sides(old_side, new_side)) return kUsage;

  const Comparison comparison = diff::compare(*old_side.table, *new_side.table);
  diff::Findings findings{arguments.old_source, arguments.new_source,
                          &*old_side.table,     &*new_side.table,
                          &comparison,          diff::changed_rules(*old_side.table, *new_side.table),
                          std::nullopt};
  if (!arguments.tree.empty()) {
    Progress progress("entries of " + arguments.tree);
    auto changes = diff::changes_in_tree(arguments.tree, *old_side.table, *new_side.table,
                                         [&](uint64_t entries) { progress.at(entries); });
    progress.erase();
    if (const auto *error = std::get_if<std::string>(&changes)) {
      std::cerr << "agentfense-compile: " << *error << "\n";
      return kUsage;
    }
    findings.tree = std::move(std::get<diff::TreeChanges>(changes));
  }
  std::cout << (arguments.format == "json" ? diff::print_json(findings)
                                           : diff::print_text(findings, arguments.limits));
  return verdict(arguments, comparison);
}

}  // namespace

void add_diff(CLI::App &app, int &status) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App *command =
      app.add_subcommand("diff", "Print what changes from one policy to another, over all paths");
  command->footer(
      "For each change of level the shortest path that shows it, and the rules that decide it.\n"
      "Exit status: 0 no difference that --fail-on names, 1 such a difference, 2 usage, input/output, or a "
      "side\n"
      "that does not compile. Like diff(1), it fails on any difference unless told otherwise.\n"
      "Example: agentfense-compile diff main.afp review.afp --fail-on raised --tree .");
  command->add_option("OLD", arguments->old_source, "A policy file, preset:NAME, a table, or -")->required();
  command->add_option("NEW", arguments->new_source, "The same for the policy after the change")->required();
  command->add_option("--format", arguments->format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command
      ->add_option("--fail-on", arguments->fail_on,
                   "What makes the exit status 1. raised: a level rises, or a directory shows that did not")
      ->check(CLI::IsMember({"any", "raised", "lowered", "none"}))
      ->capture_default_str();
  command->add_option("--tree", arguments->tree, "Also list the files of this directory that change")
      ->type_name("DIR");
  command->add_option("--limit", arguments->limits.files, "Lines of that list; JSON has them all")
      ->type_name("N")
      ->capture_default_str();
  add_policy_options(*command, arguments->both);
  command->add_option("--old-policy", arguments->old_policy, "Like --policy, for OLD alone");
  command->add_option("--new-policy", arguments->new_policy, "Like --policy, for NEW alone");
  command->add_option("--old-define", arguments->old_defines, "Like -D, for OLD alone")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  command->add_option("--new-define", arguments->new_defines, "Like -D, for NEW alone")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  command->callback([arguments, &status] { status = run(*arguments); });
}

}  // namespace agentfense::compiler::cli
