#include "compiler/report/junit.h"

#include <string_view>

#include "lang/spelling.h"

namespace agentfense::compiler::report {
namespace {

constexpr char kHex[] = "0123456789ABCDEF";

// Length of the UTF-8 character at `i` that XML 1.0 can hold (its production `Char`), else 0.
size_t character_at(std::string_view bytes, size_t i) {
  const auto lead = static_cast<unsigned char>(bytes[i]);
  if (lead < 0x80) return lead >= 0x20 || lead == '\t' || lead == '\n' || lead == '\r' ? 1 : 0;
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  const std::string_view c = bytes.substr(i, length);
  if (c.size() < length || !lang::is_utf8(c)) return 0;
  return c == "\xEF\xBF\xBE" || c == "\xEF\xBF\xBF" ? 0 : length;
}

// For text and attributes alike. Line ends and tabs stay as they are in text; an attribute's would be
// read as spaces.
void append_escaped(std::string &out, std::string_view bytes, bool attribute) {
  for (size_t i = 0; i < bytes.size();) {
    const size_t length = character_at(bytes, i);
    const auto b = static_cast<unsigned char>(bytes[i]);
    if (length == 0) {
      out += {'\\', 'x', kHex[b >> 4], kHex[b & 15]};
      ++i;
      continue;
    }
    if (b == '&') {
      out += "&amp;";
    } else if (b == '<') {
      out += "&lt;";
    } else if (b == '>') {
      out += "&gt;";
    } else if (b == '"') {
      out += "&quot;";
    } else if (b == '\r' || (attribute && b < 0x20)) {
      out += "&#" + std::to_string(b) + ";";
    } else {
      out += bytes.substr(i, length);
    }
    i += length;
  }
}

void append_attribute(std::string &out, std::string_view name, std::string_view value) {
  out += ' ';
  out += name;
  out += "=\"";
  append_escaped(out, value, true);
  out += '"';
}

void append_counts(std::string &out, size_t tests, size_t failures) {
  append_attribute(out, "tests", std::to_string(tests));
  append_attribute(out, "failures", std::to_string(failures));
  append_attribute(out, "errors", "0");
  append_attribute(out, "skipped", "0");
}

void append_case(std::string &out, const JunitCase &c) {
  out += "    <testcase";
  append_attribute(out, "name", c.name);
  append_attribute(out, "classname", c.suite);
  if (!c.file.empty()) append_attribute(out, "file", c.file);
  if (c.line > 0) append_attribute(out, "line", std::to_string(c.line));
  if (!c.failure_type) {
    out += "/>\n";
    return;
  }
  out += ">\n      <failure";
  append_attribute(out, "message", c.failure_message);
  append_attribute(out, "type", *c.failure_type);
  out += '>';
  append_escaped(out, c.failure_text, false);
  out += "</failure>\n    </testcase>\n";
}

size_t failures_of(const std::vector<JunitCase> &cases, size_t begin, size_t end) {
  size_t n = 0;
  for (size_t i = begin; i < end; ++i) n += cases[i].failure_type ? 1 : 0;
  return n;
}

}  // namespace

std::string junit_xml(const std::vector<JunitCase> &cases) {
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites";
  append_counts(out, cases.size(), failures_of(cases, 0, cases.size()));
  out += ">\n";
  for (size_t begin = 0; begin < cases.size();) {
    size_t end = begin;
    while (end < cases.size() && cases[end].suite == cases[begin].suite) ++end;
    out += "  <testsuite";
    append_attribute(out, "name", cases[begin].suite);
    append_counts(out, end - begin, failures_of(cases, begin, end));
    out += ">\n";
    for (; begin < end; ++begin) append_case(out, cases[begin]);
    out += "  </testsuite>\n";
  }
  out += "</testsuites>\n";
  return out;
}

}  // namespace agentfense::compiler::report
