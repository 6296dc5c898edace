#include "lang/diagnostics.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

namespace agentfense::lang {
namespace {

struct CodeInfo {
  std::string_view name;
  Severity severity;
  std::string_view summary;
};

constexpr CodeInfo kCodes[] = {
#define AGENTFENSE_CODE(ident, name, severity, summary) {name, Severity::severity, summary},
#include "lang/codes.def"
#undef AGENTFENSE_CODE
};

const CodeInfo &info(Code code) { return kCodes[static_cast<size_t>(code)]; }

auto place_key(const Place &p) { return std::tie(p.file, p.offset, p.line, p.column, p.length); }

bool same_place(const Place &a, const Place &b) { return place_key(a) == place_key(b); }

// Fixes and remarks follow from these, so they need no comparison.
bool same(const Diagnostic &a, const Diagnostic &b) {
  return a.code == b.code && a.severity == b.severity && same_place(a.place, b.place) &&
         a.message == b.message && a.example == b.example;
}

}  // namespace

const char *severity_name(Severity severity) {
  switch (severity) {
    case Severity::error:
      return "error";
    case Severity::warning:
      return "warning";
    case Severity::note:
      return "note";
  }
  return "error";
}

std::string_view code_name(Code code) { return info(code).name; }
Severity code_severity(Code code) { return info(code).severity; }
std::string_view code_summary(Code code) { return info(code).summary; }

std::optional<Code> code_of_name(std::string_view name) {
  for (size_t i = 0; i < std::size(kCodes); ++i) {
    if (kCodes[i].name == name) return static_cast<Code>(i);
  }
  return std::nullopt;
}

bool code_is_judgement(Code code) {
  switch (code) {
    case Code::dead_rule:
    case Code::redundant_limit:
    case Code::capped_allow:
    case Code::overlap:
    case Code::useless_except:
    case Code::name_exposure:
    case Code::near_miss:
    case Code::stale_pattern:
    case Code::linked_file:
    case Code::unused_allow:
      return true;
    default:
      return false;
  }
}

Diagnostic &Diagnostics::report(Code code, Place place, std::string message) {
  return all_.emplace_back(
      Diagnostic{code, code_severity(code), place, std::move(message), {}, {}, {}, false, {}});
}

bool Diagnostics::has_errors() const {
  return std::any_of(all_.begin(), all_.end(),
                     [](const Diagnostic &d) { return d.severity == Severity::error && !d.allowed; });
}

void Diagnostics::remark_dropped() {
  if (dropped_ == 0 || all_.empty()) return;
  auto key = [](const Diagnostic &d) { return std::tuple(d.place.file, d.place.offset, d.code); };
  auto last = all_.begin();
  for (auto it = all_.begin(); it != all_.end(); ++it) {
    if (key(*it) >= key(*last)) last = it;
  }
  last->remarks.push_back({last->place, std::to_string(dropped_) +
                                            (dropped_ == 1 ? " more error is" : " more errors are") +
                                            " not shown; mend these first"});
  dropped_ = 0;
}

void Diagnostics::sort() {
  auto key = [](const Diagnostic &d) { return std::tuple(d.place.file, d.place.offset, d.code); };
  std::stable_sort(all_.begin(), all_.end(),
                   [&](const Diagnostic &a, const Diagnostic &b) { return key(a) < key(b); });
  // Repetitions need not be neighbours: two others of the same place and code may stand between.
  std::vector<Diagnostic> kept;
  kept.reserve(all_.size());
  for (Diagnostic &d : all_) {
    bool seen = false;
    for (auto it = kept.rbegin(); it != kept.rend() && key(*it) == key(d) && !seen; ++it) seen = same(*it, d);
    if (!seen) kept.push_back(std::move(d));
  }
  all_ = std::move(kept);
}

}  // namespace agentfense::lang
