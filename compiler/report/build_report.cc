#include "compiler/report/build_report.h"

#include <algorithm>
#include <limits>
#include <map>
#include <span>
#include <string_view>

#include "compiler/report/report_places.h"
#include "compiler/report/shown.h"
#include "compiler/table/digest.h"
#include "lang/print_diagnostics.h"
#include "lang/spelling.h"

namespace agentfense::compiler::report {
namespace {

uint32_t capped(uint64_t n) {
  return static_cast<uint32_t>(std::min<uint64_t>(n, std::numeric_limits<uint32_t>::max()));
}

std::string sha256_hex(std::string_view text) {
  return table::to_hex(table::sha256(std::as_bytes(std::span(text))));
}

void set_path(const std::string &path, v1::Path &out) {
  out.set_text(lang::escape_bytes(path));
  if (!lang::is_utf8(path)) out.set_raw(path);
}

class Builder {
 public:
  explicit Builder(const ReportInput &input) : in_(input) {}

  v1::Report take() {
    out_.set_tool("agentfense-compile");
    out_.set_tool_version(in_.tool_version);
    out_.set_source(shown(in_.source));
    for (const lang::SourceFile &file : in_.files) {
      v1::SourceFile &f = *out_.add_files();
      f.set_name(shown(file.name));
      f.set_uri(uri_of(file.name));
      f.set_sha256(sha256_hex(file.text));
    }
    if (in_.rules != nullptr) add_rules(*in_.rules);
    for (const lang::Diagnostic &d : in_.diagnostics.all()) add_finding(d);
    if (in_.rules != nullptr && in_.analysis != nullptr) add_analysis(*in_.rules, *in_.analysis);
    if (in_.table) add_table(*in_.table);
    if (in_.tree != nullptr) add_tree(*in_.tree);
    return std::move(out_);
  }

 private:
  void place(const lang::Place &place, v1::Place &out) const { set_place(place, in_.files, out); }

  void add_rules(const lang::RuleSet &rules) {
    out_.set_policy(rules.policy);
    out_.set_source_digest(in_.source_digest);
    for (const lang::Rule &rule : rules.rules) {
      v1::Rule &r = *out_.add_rules();
      r.set_kind(rule.kind == lang::Rule::Kind::allow ? "allow" : "limit");
      r.set_level(lang::level_name(rule.level));
      r.set_text(shown(rule.text));
      r.set_reason(shown(rule.reason));
      r.set_policy(rule.policy);
      r.set_inherited(rule.inherited);
      place(rule.place, *r.mutable_place());
    }
  }

  void add_finding(const lang::Diagnostic &d) {
    v1::Finding &f = *out_.add_findings();
    f.set_code(std::string(lang::code_name(d.code)));
    f.set_severity(lang::severity_name(d.severity));
    place(d.place, *f.mutable_place());
    f.set_message(shown(d.message));
    if (!d.example.empty()) set_path(d.example, *f.mutable_example());
    for (const lang::FixIt &fix : d.fixes) {
      // Half a fix is none: what cannot be written here is left to the text format.
      if (!lang::is_utf8(fix.text)) continue;
      v1::Fix &x = *f.add_fixes();
      place(fix.place, *x.mutable_place());
      x.set_text(fix.text);
    }
    for (const lang::Remark &remark : d.remarks) {
      v1::Remark &r = *f.add_remarks();
      place(remark.place, *r.mutable_place());
      r.set_message(shown(remark.message));
    }
    if (d.allowed) f.set_allowed_reason(shown(*d.allowed));
    f.set_report_only(d.report_only);
    f.set_fingerprint(fingerprint(d));
  }

  // Lines above may come and go; a second finding of the same kind on an equal line gets a number.
  std::string fingerprint(const lang::Diagnostic &d) {
    constexpr size_t kUsedBytes = 1024;
    std::string text(lang::code_name(d.code));
    if (d.place.file < in_.files.size()) {
      const lang::SourceFile &file = in_.files[d.place.file];
      text += '\0' + uri_of(file.name) + '\0';
      if (d.place.line > 0 && d.place.offset <= file.text.size()) {
        const size_t begin = d.place.offset - std::min<size_t>(d.place.offset, d.place.column - 1);
        std::string_view line = std::string_view(file.text).substr(begin, kUsedBytes);
        line = line.substr(0, line.find_first_of("\r\n"));
        const size_t first = std::min(line.find_first_not_of(" \t"), line.size());
        const size_t last = line.find_last_not_of(" \t");
        text += line.substr(first, last + 1 - first);
      }
    }
    const std::string digest = sha256_hex(text).substr(0, 32);
    return digest + ":" + std::to_string(++fingerprints_[digest]);
  }

  void add_analysis(const lang::RuleSet &rules, const Analysis &analysis) {
    for (const Overlap &overlap : analysis.overlaps) {
      v1::Overlap &o = *out_.add_overlaps();
      o.set_allow(overlap.allow);
      o.set_limit(overlap.limit);
      o.set_winner(overlap.limit_decides ? overlap.limit : overlap.allow);
      o.set_loser(overlap.limit_decides ? overlap.allow : overlap.limit);
      set_path(overlap.example, *o.mutable_example());
    }
    out_.set_overlaps_left_out(capped(analysis.overlaps_left_out));
    for (const Weakening &weakening : analysis.weakenings) {
      const bool opens = weakening.kind == Weakening::Kind::opens;
      const lang::Rule &rule = rules.rules[weakening.rule];
      const lang::RulePattern &pattern = (opens ? rule.patterns : rule.except)[weakening.pattern];
      v1::Weakening &w = *out_.add_weakenings();
      w.set_kind(opens ? "opens" : "exception");
      w.set_rule(weakening.rule);
      w.set_pattern(shown(pattern.text));
      place(pattern.place, *w.mutable_place());
      w.set_level(lang::level_name(weakening.level));
      set_path(weakening.example, *w.mutable_example());
    }
    for (const NameExposure &exposure : analysis.exposures) {
      v1::NameExposure &e = *out_.add_name_exposures();
      e.set_rule(exposure.rule);
      e.set_unbounded(exposure.unbounded);
      set_path(exposure.example, *e.mutable_example());
    }
  }

  void add_table(const TableFigures &figures) {
    v1::Table &t = *out_.mutable_table();
    t.set_states(figures.states);
    t.set_name_states(figures.name_states);
    t.set_name_classes(figures.name_classes);
    t.set_bytes(capped(figures.bytes));
    t.set_sha256(figures.sha256);
  }

  void add_tree(const TreeSurvey &survey) {
    v1::TreeSurvey &t = *out_.mutable_tree();
    t.set_dir(shown(survey.dir));
    t.set_entries(capped(survey.entries));
    t.set_directories(capped(survey.directories));
    t.set_unreadable(capped(survey.unreadable));
    for (size_t level = 0; level < survey.by_level.size(); ++level) {
      v1::LevelCount &count = *t.add_by_level();
      count.set_level(lang::level_name(static_cast<lang::Level>(level)));
      count.set_entries(capped(survey.by_level[level]));
    }
    for (const uint64_t n : survey.decided) t.add_decided(capped(n));
    t.set_decided_by_none(capped(survey.decided_by_none));
  }

  const ReportInput &in_;
  v1::Report out_;
  std::map<std::string, uint32_t> fingerprints_;
};

}  // namespace

v1::Report build_report(const ReportInput &input) { return Builder(input).take(); }

}  // namespace agentfense::compiler::report
