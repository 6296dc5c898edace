#include "compiler/report/junit_findings.h"

#include <algorithm>
#include <string>

namespace agentfense::compiler::report {
namespace {

namespace v1 = ::agentfense::report::v1;

lang::Severity severity_of(const v1::Finding &f) {
  return f.severity() == "error"     ? lang::Severity::error
         : f.severity() == "warning" ? lang::Severity::warning
                                     : lang::Severity::note;
}

std::string file_of(const v1::Report &report, const v1::Place &place) {
  const int file = static_cast<int>(place.file());
  return file < report.files_size() ? report.files(file).name() : report.source();
}

std::string line_of(const v1::Report &report, const v1::Finding &f) {
  std::string out = file_of(report, f.place());
  if (f.place().line() > 0) {
    out += ":" + std::to_string(f.place().line()) + ":" + std::to_string(f.place().column());
  }
  out += ": " + f.severity() + ": " + f.message() + " [" + f.code() + "]\n";
  if (f.has_example()) out += "  example: " + f.example().text() + "\n";
  return out;
}

void fail(const v1::Report &report, const v1::Finding &f, JunitCase &c) {
  if (!c.failure_type) {
    c.failure_type = f.code();
    c.failure_message = f.message();
  }
  c.failure_text += line_of(report, f);
}

bool inside(const v1::Place &inner, const v1::Place &outer) {
  return inner.line() > 0 && inner.file() == outer.file() && inner.offset() >= outer.offset() &&
         inner.offset() < outer.offset() + std::max(outer.length(), 1U);
}

void add_cases(const v1::Report &report, std::optional<lang::Severity> fail_on,
               std::vector<JunitCase> &cases) {
  const size_t first = cases.size();
  const auto add = [&](const v1::Place &place, std::string name) -> JunitCase & {
    JunitCase c;
    c.suite = report.source();
    c.name = std::move(name);
    c.file = file_of(report, place);
    c.line = place.line();
    return cases.emplace_back(std::move(c));
  };

  std::vector<const v1::Rule *> own;
  for (const v1::Rule &rule : report.rules()) {
    if (rule.inherited()) continue;
    own.push_back(&rule);
    add(rule.place(), rule.text());
  }
  // Rules and findings both come by place, so one walk along the rules finds each finding's.
  std::vector<size_t> by_place(own.size());
  for (size_t i = 0; i < own.size(); ++i) by_place[i] = i;
  const auto key = [](const v1::Place &p) { return std::pair(p.file(), p.offset()); };
  std::stable_sort(by_place.begin(), by_place.end(),
                   [&](size_t a, size_t b) { return key(own[a]->place()) < key(own[b]->place()); });
  for (const v1::Finding &f : report.findings()) {
    if (f.has_allowed_reason()) continue;
    const bool fails = fail_on && severity_of(f) >= *fail_on;
    const auto after =
        std::upper_bound(by_place.begin(), by_place.end(), key(f.place()),
                         [&](const auto &k, size_t rule) { return k < key(own[rule]->place()); });
    if (after != by_place.begin() && inside(f.place(), own[*(after - 1)]->place())) {
      if (fails) fail(report, f, cases[first + *(after - 1)]);
    } else {
      JunitCase &c = add(f.place(), f.code() + ": " + f.message());
      if (fails) fail(report, f, c);
    }
  }
  // A policy of no rules of its own is still one that was looked at.
  if (cases.size() == first) add({}, "policy " + report.policy());
}

}  // namespace

std::vector<JunitCase> junit_cases(const std::vector<v1::Report> &reports,
                                   std::optional<lang::Severity> fail_on) {
  std::vector<JunitCase> cases;
  for (const v1::Report &report : reports) add_cases(report, fail_on, cases);
  return cases;
}

}  // namespace agentfense::compiler::report
