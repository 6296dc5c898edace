#include "compiler/import/glob_syntax.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "lang/pattern_syntax.h"
#include "lang/spelling.h"

namespace agentfense::compiler::import {
namespace {

using lang::ByteSet;
using lang::ComponentGlob;

ByteSet complement(const ByteSet &set) {
  ByteSet out;
  for (unsigned b = 1; b < 256; ++b) {
    if (b != '/' && !set.has(static_cast<unsigned char>(b))) out.add(static_cast<unsigned char>(b));
  }
  return out;
}

void add_range(ByteSet &set, unsigned from, unsigned to) {
  for (unsigned b = from; b <= to; ++b) {
    if (b != 0 && b != '/') set.add(static_cast<unsigned char>(b));
  }
}

using Predicate = int (*)(int);
Predicate class_named(std::string_view name) {
  struct Named {
    std::string_view name;
    Predicate holds;
  };
  static constexpr Named kNamed[] = {
      {"alnum", std::isalnum}, {"alpha", std::isalpha}, {"blank", std::isblank}, {"cntrl", std::iscntrl},
      {"digit", std::isdigit}, {"graph", std::isgraph}, {"lower", std::islower}, {"print", std::isprint},
      {"punct", std::ispunct}, {"space", std::isspace}, {"upper", std::isupper}, {"xdigit", std::isxdigit}};
  for (const Named &n : kNamed) {
    if (n.name == name) return n.holds;
  }
  return nullptr;
}

// A class from behind its `[`; `at` ends behind its `]`. The fault where it is malformed.
std::optional<std::string> read_class(std::string_view text, size_t &at, Dialect dialect, ByteSet &out) {
  const bool git = dialect == Dialect::gitignore;
  bool negated = false;
  if (at < text.size() && (text[at] == '^' || (git && text[at] == '!'))) {
    negated = true;
    ++at;
  }
  const auto read_byte = [&](unsigned &b) {
    if (at < text.size() && text[at] == '\\') ++at;
    if (at >= text.size()) return false;
    b = static_cast<unsigned char>(text[at++]);
    return true;
  };
  ByteSet set;
  bool first = true;
  while (true) {
    if (at >= text.size()) return "has a `[` without `]`";
    if (text[at] == ']' && !first) break;
    if (text[at] == ']' && !git) return "has a `[` without `]`";  // Go: an empty class is malformed
    first = false;
    if (git && text.substr(at, 2) == "[:") {
      const size_t end = text.find(":]", at + 2);
      if (end == std::string_view::npos) return "has a `[` without `]`";
      const Predicate holds = class_named(text.substr(at + 2, end - at - 2));
      if (holds == nullptr)
        return "has an unknown class `[:" + std::string(text.substr(at + 2, end - at - 2)) + ":]`";
      for (unsigned b = 1; b < 128; ++b) {
        if (holds(static_cast<int>(b)) != 0 && b != '/') set.add(static_cast<unsigned char>(b));
      }
      at = end + 2;
      continue;
    }
    unsigned low = 0;
    if (text[at] == '-' && !git) return "has a `-` that is no range in a class";
    if (!read_byte(low)) return "has a `[` without `]`";
    unsigned high = low;
    if (at + 1 < text.size() && text[at] == '-' && (text[at + 1] != ']' || !git)) {
      ++at;
      if (text[at] == ']') return "has a range without an end in a class";
      if (!read_byte(high)) return "has a `[` without `]`";
    }
    if (high < low && !git) return "has a range that runs backwards in a class";
    if (low >= 0x80 || high >= 0x80) return "has a class with a character beyond ASCII";
    add_range(set, low, high);
  }
  ++at;
  out = negated ? complement(set) : set;
  if (out == ByteSet{}) return "has a class that no character is in";
  return std::nullopt;
}

std::optional<std::string> read_component(std::string_view text, Dialect dialect, ComponentGlob &glob) {
  size_t literal = 0;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (dialect != Dialect::literal && c == '*') {
      if (text.substr(at, 2) == "**" && dialect == Dialect::go)
        return "has `**` beside other characters; `**` is a whole component";
      if (glob.empty() || !glob.back().star) glob.push_back({{}, true});
      ++at;
    } else if (dialect != Dialect::literal && c == '?') {
      glob.push_back({ByteSet::any(), false});
      ++at;
      ++literal;
    } else if (dialect != Dialect::literal && c == '[') {
      ByteSet set;
      if (auto fault = read_class(text, ++at, dialect, set)) return fault;
      glob.push_back({set, false});
      ++literal;
    } else {
      if (dialect != Dialect::literal && c == '\\') {
        if (++at >= text.size()) return "ends with a backslash";
      }
      if (text[at] == '\0') return "holds a NUL byte";
      glob.push_back({ByteSet::single(static_cast<unsigned char>(text[at])), false});
      ++at;
      ++literal;
    }
  }
  if (literal > lang::kMaxComponentBytes) return "has a component longer than a file name can be";
  const auto spells = [&](std::string_view name) {
    if (glob.size() != name.size()) return false;
    return std::ranges::all_of(
        glob, [](const lang::GlobItem &i) { return !i.star && i.bytes == ByteSet::single('.'); });
  };
  if (spells(".") || spells("..")) return "has a component `.` or `..`";
  return std::nullopt;
}

void spell_set(const ByteSet &set, std::string &out) {
  size_t size = 0;
  for (unsigned b = 1; b < 256; ++b) size += set.has(static_cast<unsigned char>(b)) ? 1 : 0;
  const bool negated = size > 128;
  const ByteSet shown = negated ? complement(set) : set;
  out += negated ? "[!" : "[";
  const auto put = [&](unsigned b) {
    constexpr char kHex[] = "0123456789abcdef";
    if (std::isalnum(static_cast<int>(b)) != 0 && b < 128) {
      out += static_cast<char>(b);
    } else {
      out += "\\x";
      out += kHex[b >> 4];
      out += kHex[b & 15];
    }
  };
  for (unsigned b = 1; b < 256; ++b) {
    if (!shown.has(static_cast<unsigned char>(b))) continue;
    unsigned end = b;
    while (end < 255 && shown.has(static_cast<unsigned char>(end + 1))) ++end;
    put(b);
    if (end > b + 1) out += '-';
    if (end > b) put(end);
    b = end;
  }
  out += ']';
}

bool single_byte(const ByteSet &set, unsigned char &byte) {
  int count = 0;
  for (unsigned b = 1; b < 256 && count < 2; ++b) {
    if (!set.has(static_cast<unsigned char>(b))) continue;
    byte = static_cast<unsigned char>(b);
    ++count;
  }
  return count == 1;
}

}  // namespace

void make_canonical(lang::PathPattern &pattern) {
  std::vector<lang::PatternComponent> out;
  for (lang::PatternComponent &c : pattern.components) {
    if (c.any_depth && !out.empty() && out.back().any_depth) continue;
    out.push_back(std::move(c));
  }
  while (!out.empty() && out.back().any_depth) out.pop_back();
  pattern.components = std::move(out);
}

std::variant<lang::PathPattern, Refusal> parse_glob(std::string_view glob, Dialect dialect) {
  if (glob.size() > lang::kMaxPatternBytes) return Refusal{"is longer than any path"};
  lang::PathPattern pattern;
  size_t start = 0;
  while (start <= glob.size()) {
    // A slash inside a class ends the component for gitignore and Go alike: no name holds it.
    const size_t end = std::min(glob.find('/', start), glob.size());
    const std::string_view part = glob.substr(start, end - start);
    start = end + 1;
    if (part.empty()) continue;
    if (dialect != Dialect::literal && part == "**") {
      pattern.components.push_back({true, {}});
      continue;
    }
    lang::PatternComponent component;
    if (auto fault = read_component(part, dialect, component.glob)) return Refusal{*fault};
    pattern.components.push_back(std::move(component));
  }
  if (pattern.components.size() > lang::kMaxComponents) return Refusal{"has too many components"};
  return pattern;
}

lang::PathPattern below(const lang::PathPattern &pattern) {
  lang::PathPattern out = pattern;
  out.components.push_back({false, {{{}, true}}});
  return out;
}

std::string spell(const lang::PathPattern &pattern) {
  if (pattern.components.empty()) return "/";
  std::string plain;
  bool quoted = false;
  for (const lang::PatternComponent &c : pattern.components) {
    for (const lang::GlobItem &item : c.glob) {
      unsigned char byte = 0;
      if (item.star || item.bytes == ByteSet::any()) continue;
      if (!single_byte(item.bytes, byte)) {
        std::string set;
        spell_set(item.bytes, set);
        quoted |= set.find('\\') != std::string::npos;
        continue;
      }
      plain += static_cast<char>(byte);
      quoted |= !lang::is_bare_byte(byte) || lang::is_glob_byte(byte);
    }
  }
  const bool utf8 = lang::is_utf8(plain);
  quoted |= !utf8;
  std::string out;
  bool first = true;
  for (const lang::PatternComponent &c : pattern.components) {
    if (!first || !c.any_depth) out += '/';
    first = false;
    if (c.any_depth) out += "**";
    for (const lang::GlobItem &item : c.glob) {
      unsigned char byte = 0;
      if (item.star) {
        out += '*';
      } else if (item.bytes == ByteSet::any()) {
        out += '?';
      } else if (!single_byte(item.bytes, byte)) {
        spell_set(item.bytes, out);
      } else if (quoted) {
        lang::append_quoted_byte(out, byte, utf8);
      } else {
        out += static_cast<char>(byte);
      }
    }
  }
  return quoted ? '"' + out + '"' : out;
}

}  // namespace agentfense::compiler::import
