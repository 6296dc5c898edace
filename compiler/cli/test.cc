#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <utility>

#include "compiler/cli/commands.h"
#include "compiler/cli/policy_arguments.h"
#include "compiler/expect/expect_file.h"
#include "compiler/expect/print_results.h"
#include "compiler/expect/run_tests.h"
#include "compiler/report/junit.h"
#include "lang/print_diagnostics.h"

namespace agentfense::compiler::cli {
namespace {

constexpr size_t kMaxExpectBytes = size_t{4} << 20;

struct Arguments {
  PolicyArguments policy;  // its source is set for each file
  std::vector<std::string> files;
  std::vector<std::string> expects;
  std::string format = "text";
  bool all = false;
  bool coverage = false;
  std::optional<double> fail_under;
};

struct Outcome {
  std::vector<TestRun> runs;
  bool io_error = false;
};

void complain(const std::string &file, const std::string &what) {
  std::cerr << "agentfense-compile: " << lang::escape_bytes(file) << ": " << what << "\n";
}

struct Expectations {
  std::vector<lang::SourceFile> files;
  std::vector<std::string> policies;  // for each file the one that it names; may be empty
};

// What a file names stands before all that could be wrong with the rest: only a policy says what its params
// are, so errors wait for it.
std::string named_policy(const std::string &text) {
  lang::Diagnostics ignored;
  return parse_expect_file(0, text, {}, ignored).policy;
}

// False, with a sentence on stderr, where a file cannot be read.
bool read_expectations(const Arguments &arguments, const std::string &source, Expectations &out) {
  std::vector<std::string> names = arguments.expects;
  const std::filesystem::path beside = std::filesystem::path(source).replace_extension(".expect");
  std::error_code ignored;
  const bool is_file = std::filesystem::path(source).extension() == ".afp";
  if (is_file && std::filesystem::exists(beside, ignored)) {
    const auto same = [&](const std::string &n) { return std::filesystem::equivalent(n, beside, ignored); };
    if (std::ranges::none_of(names, same)) names.insert(names.begin(), beside.string());
  }
  lang::DiskReader reader;
  for (const std::string &name : names) {
    const lang::ReadResult read = reader.read(name, kMaxExpectBytes);
    if (read.status != lang::ReadResult::Status::ok) {
      complain(name, read.status == lang::ReadResult::Status::missing ? "does not exist; name an .expect file"
                     : read.status == lang::ReadResult::Status::too_large ? "is larger than 4 MiB; split it"
                                                                          : "cannot be read: " + read.reason);
      return false;
    }
    out.policies.push_back(named_policy(read.text));
    out.files.push_back({name, read.text});
  }
  return true;
}

std::string one_line(const lang::Diagnostic &d, const std::vector<lang::SourceFile> &files) {
  return lang::escape_bytes(files[d.place.file].name) + ":" + std::to_string(d.place.line) + ": " +
         lang::escape_bytes(d.message) + " [" + std::string(lang::code_name(d.code)) + "]";
}

void note_errors(const lang::Diagnostics &diagnostics, const std::vector<lang::SourceFile> &files,
                 TestRun &run) {
  for (const lang::Diagnostic &d : diagnostics.all()) {
    if (d.severity == lang::Severity::error && !d.allowed) run.errors.push_back(one_line(d, files));
  }
}

struct Compiled {
  Compilation compilation;
  lang::Diagnostics others;  // all but failed tests
};

Compiled compile_policy(CompileOptions options, const std::string &source, const std::string &policy) {
  options.load.policy = policy;
  lang::DiskReader reader;
  lang::Diagnostics diagnostics;
  Compiled out{compile(source, options, reader, diagnostics), {}};
  for (const lang::Diagnostic &d : diagnostics.all()) {
    if (d.code != lang::Code::test_failed) out.others.report(d.code, d.place, d.message) = d;
  }
  return out;
}

bool names_no_policy(const Compiled &compiled) {
  return std::ranges::any_of(compiled.others.all(), [](const lang::Diagnostic &d) {
    return d.code == lang::Code::several_policies || d.code == lang::Code::no_policy;
  });
}

// The tests of the expectations for this policy; their files are added to the run's.
std::vector<lang::TestCase> expected_of(const std::optional<lang::RuleSet> &rules,
                                        const Expectations &expectations, const std::vector<bool> &mine,
                                        TestRun &run) {
  lang::ParamValues params;
  if (rules) params.insert(rules->params.begin(), rules->params.end());
  const auto offset = static_cast<uint32_t>(run.files.size());
  run.files.insert(run.files.end(), expectations.files.begin(), expectations.files.end());
  lang::Diagnostics diagnostics;
  std::vector<lang::TestCase> tests;
  for (uint32_t i = 0; i < mine.size(); ++i) {
    if (!mine[i]) continue;
    ExpectFile parsed = parse_expect_file(offset + i, expectations.files[i].text, params, diagnostics);
    std::ranges::move(parsed.tests, std::back_inserter(tests));
  }
  // What a policy with errors declares is not known.
  if (!rules) {
    std::erase_if(diagnostics.edit(), [](const auto &d) { return d.code == lang::Code::unknown_param; });
  }
  diagnostics.sort();
  print_to_stderr(diagnostics, run.files);
  note_errors(diagnostics, run.files, run);
  return tests;
}

// Runs the policy's own tests and those of the expectations for it.
TestRun run_policy(const Arguments &arguments, const std::string &source, Compiled compiled,
                   const Expectations &expectations, const std::vector<bool> &mine) {
  Compilation &c = compiled.compilation;
  TestRun run;
  run.source = source;
  run.files = c.files;
  print_to_stderr(compiled.others, c.files);
  note_errors(compiled.others, c.files, run);
  const std::vector<lang::TestCase> expected = expected_of(c.rules, expectations, mine, run);
  if (!c.rules) return run;
  run.policy = c.rules->policy;
  std::vector<lang::TestCase> tests = c.rules->tests;
  tests.insert(tests.end(), expected.begin(), expected.end());
  if (c.automaton) {
    run.results = run_tests(*c.automaton, tests);
    if (arguments.coverage || arguments.fail_under) run.coverage = measure_coverage(*c.rules, run.results);
  }
  if (tests.empty() && run.errors.empty()) {
    const std::string said = "has no tests, so nothing was checked; write a test block or " +
                             lang::escape_bytes(std::filesystem::path(source).stem().string()) + ".expect";
    complain(source, said);
    run.errors.push_back(lang::escape_bytes(source) + ": " + said);
  }
  run.rules = std::move(c.rules->rules);
  return run;
}

void test_file(const Arguments &arguments, const CompileOptions &options, const std::string &source,
               Outcome &outcome) {
  Expectations expectations;
  if (!read_expectations(arguments, source, expectations)) {
    outcome.io_error = true;
    return;
  }
  std::vector<bool> left(expectations.files.size(), true);
  const auto take = [&](const std::string &policy, bool unnamed) {
    std::vector<bool> mine(left.size());
    for (size_t i = 0; i < left.size(); ++i) {
      const std::string &named = expectations.policies[i];
      mine[i] = left[i] && (named == policy || (unnamed && named.empty()));
      if (mine[i]) left[i] = false;
    }
    return mine;
  };
  Compiled main = compile_policy(options, source, arguments.policy.policy);
  outcome.io_error |= main.compilation.io_error;
  // Where the file has several policies, the headers of the expectations choose.
  const bool all_named =
      !expectations.policies.empty() && std::ranges::none_of(expectations.policies, &std::string::empty);
  if (!all_named || !arguments.policy.policy.empty() || !names_no_policy(main)) {
    const std::vector<bool> mine = take(main.compilation.rules ? main.compilation.rules->policy : "", true);
    outcome.runs.push_back(run_policy(arguments, source, std::move(main), expectations, mine));
  }
  for (size_t i = 0; i < left.size() && !outcome.io_error; ++i) {
    if (!left[i]) continue;
    const std::string policy = expectations.policies[i];
    const std::vector<bool> mine = take(policy, false);
    outcome.runs.push_back(
        run_policy(arguments, source, compile_policy(options, source, policy), expectations, mine));
  }
}

std::string junit(const std::vector<TestRun> &runs) {
  std::vector<report::JunitCase> cases;
  for (const TestRun &run : runs) {
    for (const TestResult &r : run.results) {
      report::JunitCase &c = cases.emplace_back();
      c.suite = run.source;
      c.name = std::string(lang::level_name(r.test.level)) + " " + r.test.path;
      c.file = run.files[r.test.place.file].name;
      c.line = r.test.place.line;
      if (r.passed()) continue;
      c.failure_type = "test-failed";
      c.failure_message = outcome(r);
      c.failure_text = "decided by: " + decider(run, r);
    }
    // A run that could not be made must not look like one without failures.
    for (const std::string &error : run.errors) {
      report::JunitCase &c = cases.emplace_back();
      c.suite = run.source;
      c.name = "policy";
      c.failure_type = "error";
      c.failure_message = error;
    }
  }
  return report::junit_xml(cases);
}

int test(const Arguments &arguments) {
  if (!arguments.expects.empty() && arguments.files.size() > 1) {
    std::cerr << "agentfense-compile: --expect belongs to one policy; name one FILE\n";
    return kUsage;
  }
  CompileOptions options;
  options.table = false;
  if (!compile_options(arguments.policy, options)) return kUsage;
  Outcome outcome;
  for (const std::string &file : arguments.files) test_file(arguments, options, file, outcome);

  size_t passed = 0, failed = 0, faulty = 0;
  bool under = false;
  for (const TestRun &run : outcome.runs) {
    for (const TestResult &r : run.results) ++(r.passed() ? passed : failed);
    faulty += !run.errors.empty();
    if (!arguments.fail_under || !run.coverage || run.coverage->percent() >= *arguments.fail_under) continue;
    under = true;
    complain(run.source, "its tests cover " + std::to_string(run.coverage->touched) + " of " +
                             std::to_string(run.coverage->patterns.size()) +
                             " patterns, less than --fail-under asks for; --coverage lists the others");
  }
  if (arguments.format == "junit") {
    std::cout << junit(outcome.runs);
  } else if (arguments.format == "json") {
    std::cout << results_json(outcome.runs);
  } else {
    const ResultOptions shown{arguments.all, colour_on(STDOUT_FILENO)};
    for (TestRun &run : outcome.runs) {
      if (!arguments.coverage) run.coverage.reset();
      std::cout << results_text(run, shown);
    }
  }
  std::cout.flush();
  std::cerr << passed << " passed, " << failed << " failed";
  if (passed + failed == 0) std::cerr << ": NO TESTS WERE RUN";
  if (faulty > 0)
    std::cerr << "; " << faulty << (faulty == 1 ? " policy has" : " policies have") << " errors";
  std::cerr << "\n";
  if (outcome.io_error) return kUsage;
  return failed > 0 || faulty > 0 || under || passed == 0 ? kFindings : kFine;
}

}  // namespace

void add_test(CLI::App &app, int &status) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App *command = app.add_subcommand("test", "Run the tests of policies");
  command->footer(
      "Runs the test blocks of each policy and FILE.expect beside it: lines LEVEL PATH, ... as in a test\n"
      "block, with `policy NAME` before them where the file has several. A policy without tests fails.\n"
      "Example: agentfense-compile test review.afp -v --coverage");
  command->add_option("FILE", arguments->files, "Policy files, or preset:NAME")->required();
  command->add_option("--expect", arguments->expects, "Further expectations for the one FILE")
      ->type_name("FILE")
      ->allow_extra_args(false);
  command->add_option("--format", arguments->format, "text, junit or json")
      ->check(CLI::IsMember({"text", "junit", "json"}))
      ->type_name("FORMAT");
  command->add_flag("-v,--verbose", arguments->all, "Show the tests that pass too");
  command->add_flag("--coverage", arguments->coverage, "Show the patterns that no tested path touches");
  command->add_option("--fail-under", arguments->fail_under, "Fail where less of the patterns is touched")
      ->check(CLI::Range(0.0, 100.0))
      ->type_name("PERCENT");
  add_policy_options(*command, arguments->policy);
  command->callback([arguments, &status] { status = test(*arguments); });
}

}  // namespace agentfense::compiler::cli
