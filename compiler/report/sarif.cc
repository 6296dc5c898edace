#include "compiler/report/sarif.h"

#include <map>
#include <set>

#include "compiler/report/help.h"
#include "lang/diagnostics.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

namespace agentfense::compiler::report {
namespace {

namespace v1 = ::agentfense::report::v1;
using llvm::json::Array;
using llvm::json::Object;
using llvm::json::Value;

// Relative names are relative to where the command ran; whoever reads the file knows where that is.
constexpr const char *kRoot = "%SRCROOT%";

std::string sentence(llvm::StringRef text) {
  std::string out = text.str();
  // A code name at the start stays as it is written.
  if (!out.empty()) out[0] = llvm::toUpper(out[0]);
  return out.ends_with('.') ? out : out + ".";
}

Object text_object(const std::string &text) { return Object{{"text", text}}; }

class Writer {
 public:
  Writer(const std::vector<v1::Report> &reports, const std::string &version)
      : reports_(reports), version_(version) {}

  std::string take() {
    number_rules_and_files();
    Object driver{{"name", "agentfense-compile"},
                  {"semanticVersion", version_},
                  {"version", version_},
                  {"rules", rules()}};
    Object run{
        {"tool", Object{{"driver", std::move(driver)}}},
        {"columnKind", "unicodeCodePoints"},
        {"originalUriBaseIds",
         Object{{kRoot, Object{{"description", text_object("The folder in which the command ran.")}}}}},
        {"artifacts", artifacts()},
        {"results", results()}};
    Object log{{"$schema",
                "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"
                "sarif-schema-2.1.0.json"},
               {"version", "2.1.0"},
               {"runs", Array{std::move(run)}}};
    std::string out;
    llvm::raw_string_ostream stream(out);
    llvm::json::OStream json(stream, 2);
    json.value(Value(std::move(log)));
    stream << '\n';
    return out;
  }

 private:
  void number_rules_and_files() {
    std::set<std::string> codes;
    for (const v1::Report &report : reports_) {
      for (const v1::Finding &f : report.findings()) codes.insert(f.code());
      for (const v1::SourceFile &file : report.files()) {
        if (file_index_.try_emplace(file.uri(), files_.size()).second) files_.push_back(&file);
      }
    }
    for (const std::string &code : codes) rule_index_.try_emplace(code, rule_index_.size());
  }

  Array rules() const {
    Array out;
    for (const auto &[name, index] : rule_index_) {
      const lang::Code code = lang::code_of_name(name).value_or(lang::Code::internal_error);
      const std::string help = std::string(help_of(code));
      const std::string summary = sentence(lang::code_summary(code));
      std::string friendly;
      bool start = true;
      for (const char c : name) {
        if (c != '-') friendly += start ? llvm::toUpper(c) : c;
        start = c == '-';
      }
      Object rule{
          {"id", name},
          {"shortDescription", text_object(summary)},
          {"fullDescription", text_object(help)},
          {"help", Object{{"text", help}, {"markdown", help}}},
          {"defaultConfiguration", Object{{"level", level_of(lang::code_severity(code))}}},
      };
      // SARIF1001 of the validator: a name is there only where it differs from the id, case aside.
      if (!llvm::StringRef(friendly).equals_insensitive(name)) rule["name"] = friendly;
      out.push_back(std::move(rule));
    }
    return out;
  }

  static const char *level_of(lang::Severity severity) {
    return severity == lang::Severity::error     ? "error"
           : severity == lang::Severity::warning ? "warning"
                                                 : "note";
  }

  Object artifact_location(const v1::SourceFile &file) const {
    Object out{{"uri", file.uri()}, {"index", static_cast<int64_t>(file_index_.at(file.uri()))}};
    const bool relative = !file.uri().starts_with("preset:") && !file.uri().starts_with("file:");
    if (relative) out["uriBaseId"] = kRoot;
    return out;
  }

  Array artifacts() const {
    Array out;
    for (const v1::SourceFile *file : files_) {
      Object location = artifact_location(*file);
      location.erase("index");
      out.push_back(Object{{"location", std::move(location)},
                           {"roles", Array{"analysisTarget"}},
                           {"hashes", Object{{"sha-256", file->sha256()}}}});
    }
    return out;
  }

  static Object region(const v1::Place &place) {
    return Object{{"startLine", place.line()},
                  {"startColumn", place.column()},
                  {"endLine", place.end_line()},
                  {"endColumn", place.end_column()}};
  }

  Object location(const v1::Report &report, const v1::Place &place) const {
    Object physical;
    if (static_cast<int>(place.file()) < report.files_size()) {
      physical["artifactLocation"] = artifact_location(report.files(static_cast<int>(place.file())));
    }
    // A file as a whole is its first line: code scanning refuses results without a line (SARIF2017).
    physical["region"] = place.line() > 0 ? region(place) : Object{{"startLine", 1}};
    return Object{{"physicalLocation", std::move(physical)}};
  }

  // One change of all files that the finding's fixes touch: they are parts of one edit.
  Array fixes(const v1::Report &report, const v1::Finding &f) const {
    std::map<uint32_t, Array> by_file;
    for (const v1::Fix &fix : f.fixes()) {
      if (fix.place().line() == 0 || static_cast<int>(fix.place().file()) >= report.files_size()) continue;
      Object replacement{{"deletedRegion", region(fix.place())}};
      if (!fix.text().empty()) replacement["insertedContent"] = text_object(fix.text());
      by_file[fix.place().file()].push_back(std::move(replacement));
    }
    if (by_file.empty()) return {};
    Array changes;
    for (auto &[file, replacements] : by_file) {
      changes.push_back(Object{{"artifactLocation", artifact_location(report.files(static_cast<int>(file)))},
                               {"replacements", std::move(replacements)}});
    }
    return Array{Object{{"description", text_object("The edit that the finding proposes.")},
                        {"artifactChanges", std::move(changes)}}};
  }

  Object result(const v1::Report &report, const v1::Finding &f) const {
    std::string message = sentence(f.message());
    if (f.has_example()) message += " Example: " + f.example().text();
    Object out{{"ruleId", f.code()},
               {"ruleIndex", static_cast<int64_t>(rule_index_.at(f.code()))},
               {"level", f.severity()},
               {"message", text_object(message)},
               {"locations", Array{location(report, f.place())}},
               {"partialFingerprints", Object{{"agentfenseLine/v1", f.fingerprint()}}}};
    if (f.remarks_size() > 0) {
      Array related;
      for (const v1::Remark &remark : f.remarks()) {
        Object at = location(report, remark.place());
        at["id"] = static_cast<int64_t>(related.size());
        at["message"] = text_object(sentence(remark.message()));
        related.push_back(std::move(at));
      }
      out["relatedLocations"] = std::move(related);
    }
    if (Array edit = fixes(report, f); !edit.empty()) out["fixes"] = std::move(edit);
    Object properties{{"source", report.source()}, {"policy", report.policy()}};
    if (f.has_example()) properties["examplePath"] = f.example().text();
    if (f.report_only()) properties["reportOnly"] = true;
    out["properties"] = std::move(properties);
    // With one suppressed result all must say whether they are; an empty list says no.
    Array suppressions;
    if (f.has_allowed_reason()) {
      suppressions.push_back(Object{{"kind", "inSource"}, {"justification", f.allowed_reason()}});
    }
    out["suppressions"] = std::move(suppressions);
    return out;
  }

  Array results() const {
    Array out;
    for (const v1::Report &report : reports_) {
      for (const v1::Finding &f : report.findings()) out.push_back(result(report, f));
    }
    return out;
  }

  const std::vector<v1::Report> &reports_;
  const std::string &version_;
  std::map<std::string, size_t> rule_index_;  // in the order of the map
  std::map<std::string, size_t> file_index_;  // by URI
  std::vector<const v1::SourceFile *> files_;
};

}  // namespace

std::string sarif_text(const std::vector<v1::Report> &reports, const std::string &tool_version) {
  return Writer(reports, tool_version).take();
}

}  // namespace agentfense::compiler::report
