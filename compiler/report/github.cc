#include "compiler/report/github.h"

#include <string_view>

namespace agentfense::compiler::report {
namespace {

namespace v1 = ::agentfense::report::v1;

// As actions/toolkit escapes them (packages/core/src/command.ts).
std::string escaped(std::string_view text, bool property) {
  std::string out;
  for (const char c : text) {
    if (c == '%') {
      out += "%25";
    } else if (c == '\r') {
      out += "%0D";
    } else if (c == '\n') {
      out += "%0A";
    } else if (property && c == ':') {
      out += "%3A";
    } else if (property && c == ',') {
      out += "%2C";
    } else {
      out += c;
    }
  }
  return out;
}

const char *command_of(const std::string &severity) {
  return severity == "error" ? "error" : severity == "warning" ? "warning" : "notice";
}

std::string place_text(const v1::Report &report, const v1::Place &place) {
  std::string out = static_cast<int>(place.file()) < report.files_size()
                        ? report.files(static_cast<int>(place.file())).name()
                        : report.source();
  if (place.line() > 0) out += ":" + std::to_string(place.line()) + ":" + std::to_string(place.column());
  return out;
}

bool in_checkout(const std::string &file) { return !file.starts_with("preset:") && file != "<stdin>"; }

std::string annotation(const v1::Report &report, const v1::Finding &f) {
  const v1::Place &place = f.place();
  std::string properties;
  const auto add = [&](std::string_view name, std::string_view value) {
    properties += properties.empty() ? " " : ",";
    properties += std::string(name) + "=" + escaped(value, true);
  };
  std::string message = f.message();
  const int file = static_cast<int>(place.file());
  if (file < report.files_size() && in_checkout(report.files(file).name())) {
    add("file", report.files(file).name());
    if (place.line() > 0) {
      add("line", std::to_string(place.line()));
      // GitHub shows columns within one line alone.
      if (place.end_line() == place.line()) {
        add("col", std::to_string(place.column()));
        add("endColumn", std::to_string(place.end_column()));
      } else {
        add("endLine", std::to_string(place.end_line()));
      }
    }
  } else {
    message = place_text(report, place) + ": " + message;
  }
  add("title", f.code());
  if (f.has_example()) message += "\nexample: " + f.example().text();
  for (const v1::Remark &remark : f.remarks()) {
    message += "\n" + place_text(report, remark.place()) + ": " + remark.message();
  }
  return std::string("::") + command_of(f.severity()) + properties + "::" + escaped(message, false) + "\n";
}

}  // namespace

std::string github_text(const std::vector<v1::Report> &reports) {
  std::string out;
  for (const v1::Report &report : reports) {
    for (const v1::Finding &f : report.findings()) {
      if (!f.has_allowed_reason()) out += annotation(report, f);
    }
  }
  return out;
}

}  // namespace agentfense::compiler::report
