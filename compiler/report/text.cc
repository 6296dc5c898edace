#include "compiler/report/text.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace agentfense::compiler::report {
namespace {

namespace v1 = ::agentfense::report::v1;

class Writer {
 public:
  explicit Writer(const v1::Report &report) : r_(report) {}

  std::string all() {
    out_ += "Conflict report of " + (r_.policy().empty() ? r_.source() : "policy " + r_.policy()) + "\n\n";
    pair("tool", r_.tool() + " " + r_.tool_version());
    pair("source", r_.source());
    if (!r_.source_digest().empty()) pair("digest", r_.source_digest());
    if (r_.has_table()) {
      const v1::Table &t = r_.table();
      pair("table", count(t.states(), "state") + ", " +
                        count(t.name_classes(), "name class", "name classes") + ", " +
                        count(t.bytes(), "byte") + ", sha256 " + t.sha256());
    } else {
      pair("table", "none was made");
    }
    files();
    findings();
    weakenings();
    exposures();
    overlaps();
    rules();
    if (r_.has_tree()) {
      head("Tree");
      tree();
    }
    return std::move(out_);
  }

  std::string tree_alone() {
    if (r_.has_tree()) tree();
    return std::move(out_);
  }

 private:
  static std::string count(uint64_t n, const std::string &one, const std::string &many = "") {
    return std::to_string(n) + " " + (n == 1 ? one : many.empty() ? one + "s" : many);
  }
  void pair(const std::string &key, const std::string &value) {
    out_ += key + std::string(10 - key.size(), ' ') + value + "\n";
  }
  void head(const std::string &title) { out_ += "\n" + title + "\n"; }
  static std::string right(uint64_t n, size_t width) {
    const std::string digits = std::to_string(n);
    return std::string(width - std::min(width, digits.size()), ' ') + digits;
  }

  std::string place(const v1::Place &p) const {
    const int file = static_cast<int>(p.file());
    std::string out = file < r_.files_size() ? r_.files(file).name() : r_.source();
    return p.line() == 0 ? out : out + ":" + std::to_string(p.line());
  }
  std::string rule(uint32_t index) const {
    const v1::Rule &rule = r_.rules(static_cast<int>(index));
    return place(rule.place()) + " " + rule.text();
  }

  void files() {
    head("Files");
    for (const v1::SourceFile &file : r_.files()) out_ += "  " + file.sha256() + "  " + file.name() + "\n";
  }

  void findings() {
    head("Findings: " + std::to_string(r_.findings_size()));
    for (const v1::Finding &f : r_.findings()) {
      out_ += "  " + place(f.place()) + ": " + f.severity() + ": " + f.message() + " [" + f.code() + "]\n";
      if (f.has_example()) out_ += "    example: " + f.example().text() + "\n";
      if (f.has_allowed_reason()) out_ += "    allowed: " + f.allowed_reason() + "\n";
      for (const v1::Remark &remark : f.remarks()) {
        out_ += "    " + place(remark.place()) + ": " + remark.message() + "\n";
      }
    }
  }

  void weakenings() {
    head("What it opens: " + std::to_string(r_.weakenings_size()));
    for (const v1::Weakening &w : r_.weakenings()) {
      out_ += "  " + w.level() + std::string(6 - std::min<size_t>(6, w.level().size()), ' ') +
              (w.kind() == "exception" ? "except " : "") + w.pattern() + "  (" + place(w.place()) +
              "), for example " + w.example().text() + "\n";
    }
  }

  void exposures() {
    head("Directories visible for what is below them: " + std::to_string(r_.name_exposures_size()));
    for (const v1::NameExposure &e : r_.name_exposures()) {
      out_ += "  " + rule(e.rule()) + (e.unbounded() ? ": of any name" : "") + ", for example " +
              e.example().text() + "\n";
    }
  }

  void overlaps() {
    head("Who decides where rules meet: " +
         count(uint64_t{static_cast<uint32_t>(r_.overlaps_size())} + r_.overlaps_left_out(), "pair"));
    for (const v1::Overlap &o : r_.overlaps()) {
      out_ += "  " + o.example().text() + "\n    decides: " + rule(o.winner()) +
              "\n    yields:  " + rule(o.loser()) + "\n";
    }
    if (r_.overlaps_left_out() > 0) out_ += "  " + count(r_.overlaps_left_out(), "more pair") + "\n";
  }

  void rules() {
    head("Rules: " + std::to_string(r_.rules_size()));
    for (const v1::Rule &rule : r_.rules()) {
      out_ += "  " + place(rule.place()) + " " + rule.text();
      if (rule.inherited()) out_ += "  (from " + rule.policy() + ")";
      if (!rule.reason().empty()) out_ += "  \"" + rule.reason() + "\"";
      out_ += "\n";
    }
  }

  void tree() {
    const v1::TreeSurvey &t = r_.tree();
    out_ += t.dir() + ": " + count(t.entries(), "entry", "entries") + ", " +
            count(t.directories(), "directory", "directories") + " of them";
    if (t.unreadable() > 0) out_ += "; " + std::to_string(t.unreadable()) + " could not be listed";
    out_ += "\n";
    const size_t width = std::max<size_t>(6, std::to_string(t.entries()).size());
    for (const v1::LevelCount &l : t.by_level())
      out_ += "  " + right(l.entries(), width) + "  " + l.level() + "\n";

    std::vector<int> order(static_cast<size_t>(std::min(t.decided_size(), r_.rules_size())));
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return t.decided(a) > t.decided(b); });
    out_ += "by the rule that decides:\n";
    bool none_written = t.decided_by_none() == 0;
    const auto write_none = [&] {
      none_written = true;
      out_ += "  " + right(t.decided_by_none(), width) + "  no rule allows it\n";
    };
    int idle_bases = 0;
    for (const int i : order) {
      if (t.decided(i) == 0 && r_.rules(i).inherited()) {
        ++idle_bases;
        continue;
      }
      if (!none_written && t.decided(i) <= t.decided_by_none()) write_none();
      out_ += "  " + right(t.decided(i), width) + "  " + rule(static_cast<uint32_t>(i));
      if (t.decided(i) == 0) out_ += "  (decides nothing here)";
      out_ += "\n";
    }
    if (!none_written) write_none();
    if (idle_bases > 0) {
      out_ += "  " + right(0, width) + "  " + count(static_cast<uint64_t>(idle_bases), "inherited rule") +
              (idle_bases == 1 ? " decides" : " decide") + " nothing here\n";
    }
  }

  const v1::Report &r_;
  std::string out_;
};

}  // namespace

std::string report_text(const v1::Report &report) { return Writer(report).all(); }
std::string tree_text(const v1::Report &report) { return Writer(report).tree_alone(); }

}  // namespace agentfense::compiler::report
