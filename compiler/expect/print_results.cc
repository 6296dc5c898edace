#include "compiler/expect/print_results.h"

#include "lang/print_diagnostics.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

namespace agentfense::compiler {
namespace {

using lang::escape_bytes;
using lang::escape_text;
using llvm::json::Array;
using llvm::json::Object;

std::string at(const TestRun &run, const lang::Place &place) {
  return escape_bytes(run.files[place.file].name) + ":" + std::to_string(place.line);
}

const lang::RulePattern &pattern_of(const TestRun &run, const CoveredPattern &p) {
  const lang::Rule &rule = run.rules[p.rule];
  return p.except ? rule.except[p.pattern] : rule.patterns[p.pattern];
}

std::string coverage_text(const TestRun &run, const Coverage &coverage) {
  std::string out =
      llvm::formatv("coverage of {0}: {1:F1} %, {2} of {3} patterns and exceptions\n",
                    escape_bytes(run.source), coverage.percent(), coverage.touched, coverage.patterns.size())
          .str();
  for (const CoveredPattern &p : coverage.patterns) {
    if (p.touched) continue;
    const lang::RulePattern &pattern = pattern_of(run, p);
    out += "  " + at(run, pattern.place) + ": " + (p.except ? "exception " : "") + escape_text(pattern.text) +
           " of `" + escape_text(run.rules[p.rule].text) + "`: no tested path is covered by it\n";
  }
  for (const uint32_t r : coverage.idle) {
    out += "  " + at(run, run.rules[r].place) + ": `" + escape_text(run.rules[r].text) +
           "` decides no tested path\n";
  }
  return out;
}

Object object_at(const TestRun &run, const lang::Place &place, const std::string &text) {
  return Object{
      {"file", escape_bytes(run.files[place.file].name)}, {"line", place.line}, {"text", escape_text(text)}};
}

Object json_of(const TestRun &run) {
  Array tests;
  for (const TestResult &r : run.results) {
    Object o{{"path", escape_bytes(r.test.path)},
             {"expected", lang::level_name(r.test.level)},
             {"actual", lang::level_name(r.actual)},
             {"passed", r.passed()},
             {"file", escape_bytes(run.files[r.test.place.file].name)},
             {"line", r.test.place.line},
             {"rule", nullptr}};
    if (r.rule != kNoRule) o["rule"] = object_at(run, run.rules[r.rule].place, run.rules[r.rule].text);
    tests.push_back(std::move(o));
  }
  Array errors;
  for (const std::string &error : run.errors) errors.push_back(error);
  Object out{{"source", escape_bytes(run.source)},
             {"policy", escape_bytes(run.policy)},
             {"errors", std::move(errors)},
             {"tests", std::move(tests)}};
  if (!run.coverage) return out;
  Array patterns, idle;
  for (const CoveredPattern &p : run.coverage->patterns) {
    const lang::RulePattern &pattern = pattern_of(run, p);
    Object o = object_at(run, pattern.place, pattern.text);
    o["exception"] = p.except;
    o["touched"] = p.touched;
    o["rule"] = escape_text(run.rules[p.rule].text);
    patterns.push_back(std::move(o));
  }
  for (const uint32_t r : run.coverage->idle) {
    idle.push_back(object_at(run, run.rules[r].place, run.rules[r].text));
  }
  out["coverage"] = Object{{"percent", run.coverage->percent()},
                           {"patterns", std::move(patterns)},
                           {"never-decide", std::move(idle)}};
  return out;
}

}  // namespace

std::string outcome(const TestResult &result) {
  return std::string("expected ") + lang::level_name(result.test.level) + ", but the level is " +
         lang::level_name(result.actual);
}

std::string decider(const TestRun &run, const TestResult &result) {
  if (result.rule == kNoRule) return "no rule allows it";
  const lang::Rule &rule = run.rules[result.rule];
  return at(run, rule.place) + " " + escape_text(rule.text);
}

std::string results_text(const TestRun &run, const ResultOptions &options) {
  const std::string red = options.colour ? "\x1b[31m" : "";
  const std::string green = options.colour ? "\x1b[32m" : "";
  const std::string plain = options.colour ? "\x1b[0m" : "";
  std::string out;
  for (const TestResult &r : run.results) {
    const std::string place = at(run, r.test.place) + ": ";
    const std::string path = escape_bytes(r.test.path);
    if (!r.passed()) {
      out += red + "FAIL" + plain + " " + place + path + ": " + outcome(r) + ": " + decider(run, r) + "\n";
    } else if (options.all) {
      out += green + "ok" + plain + "   " + place + lang::level_name(r.test.level) + " " + path + "\n";
    }
  }
  if (run.coverage) out += coverage_text(run, *run.coverage);
  return out;
}

std::string results_json(const std::vector<TestRun> &runs) {
  Array list;
  int64_t passed = 0, failed = 0;
  for (const TestRun &run : runs) {
    for (const TestResult &r : run.results) ++(r.passed() ? passed : failed);
    list.push_back(json_of(run));
  }
  std::string text;
  llvm::raw_string_ostream out(text);
  const llvm::json::Value value = Object{{"passed", passed}, {"failed", failed}, {"runs", std::move(list)}};
  out << llvm::formatv("{0:2}", value) << '\n';
  return text;
}

}  // namespace agentfense::compiler
