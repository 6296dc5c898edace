#include "lang/dump.h"

#include "lang/pattern_syntax.h"
#include "lang/spelling.h"
#include "llvm/ADT/StringExtras.h"

namespace agentfense::lang {
namespace {

void append_class_byte(std::string &out, unsigned b) {
  if (llvm::isAlnum(static_cast<char>(b)) || b == '.' || b == '_') {
    out += static_cast<char>(b);
    return;
  }
  out += "\\x";
  out += llvm::hexdigit(b >> 4);
  out += llvm::hexdigit(b & 15);
}

// The bytes of a set as runs; three or more in a row as a range.
void append_runs(std::string &out, const ByteSet &set) {
  for (unsigned b = 0; b < 256; ++b) {
    if (!set.has(static_cast<unsigned char>(b))) continue;
    unsigned end = b;
    while (end < 255 && set.has(static_cast<unsigned char>(end + 1))) ++end;
    append_class_byte(out, b);
    if (end > b + 1) out += '-';
    if (end > b) append_class_byte(out, end);
    b = end;
  }
}

void append_item(std::string &out, const GlobItem &item) {
  if (item.star) {
    out += '*';
    return;
  }
  if (item.bytes == ByteSet::any()) {
    out += '?';
    return;
  }
  unsigned count = 0;
  unsigned member = 0;
  for (unsigned b = 0; b < 256; ++b) {
    if (!item.bytes.has(static_cast<unsigned char>(b))) continue;
    ++count;
    member = b;
  }
  auto byte = static_cast<unsigned char>(member);
  if (count == 1 && is_bare_byte(byte) && byte < 0x80 && !is_glob_byte(byte)) {
    out += static_cast<char>(byte);
    return;
  }
  out += '[';
  append_runs(out, item.bytes);
  out += ']';
}

const char *word(ast::Rule::Kind kind) {
  return kind == ast::Rule::Kind::allow ? "allow" : kind == ast::Rule::Kind::limit ? "limit" : "never";
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  bool high = is_utf8(text);
  for (char c : text) {
    auto b = static_cast<unsigned char>(c);
    bool plain = b == ',' || b == '$' || is_glob_byte(b);  // harmless in a string that is no pattern
    if (plain) {
      out += c;
    } else {
      append_quoted_byte(out, b, high);
    }
  }
  return out + '"';
}

std::string at(const Place &place) {
  return " @" + std::to_string(place.file) + ':' + std::to_string(place.line) + ':' +
         std::to_string(place.column);
}

void append_items(std::string &out, const char *label, const std::vector<ast::Item> &items,
                  const std::string &indent) {
  for (const ast::Item &item : items) {
    const char *kind = item.kind == ast::Item::Kind::name     ? "name "
                       : item.kind == ast::Item::Kind::quoted ? "quoted "
                                                              : "bare ";
    out += indent + label + ' ' + kind + item.text + at(item.place) + '\n';
  }
}

void append_patterns(std::string &out, const char *label, const std::vector<RulePattern> &patterns) {
  for (const RulePattern &pattern : patterns) {
    out += std::string("  ") + label + ' ' + pattern.text + at(pattern.place) + '\n';
    for (const PathPattern &alternative : pattern.alternatives)
      out += "    " + dump_pattern(alternative) + '\n';
  }
}

void append_extends(std::string &out, const ast::Extends &extends) {
  out += "  extends";
  for (const ast::PolicyRef &base : extends.bases) out += (base.preset ? " preset:" : " ") + base.name.text;
  out += extends.sealed ? " sealed\n" : "\n";
  append_items(out, "except", extends.except, "    ");
}

}  // namespace

std::string dump_pattern(const PathPattern &pattern) {
  if (pattern.components.empty()) return "/";
  std::string out;
  for (const PatternComponent &component : pattern.components) {
    out += component.any_depth ? "/**" : "/";
    for (const GlobItem &item : component.glob) append_item(out, item);
  }
  return out;
}

std::string dump_ast(const ast::File &file) {
  std::string out;
  for (const ast::Import &import : file.imports)
    out += "import " + quoted(import.path.text) + at(import.path.place) + '\n';
  for (const ast::Param &param : file.params) {
    out += "param " + param.name.text + (param.value ? " = " + quoted(param.value->text) : "") +
           at(param.name.place) + '\n';
  }
  for (const ast::Set &set : file.sets) {
    out += "set " + set.name.text + at(set.name.place) + '\n';
    append_items(out, "item", set.items, "  ");
  }
  for (const ast::Policy &policy : file.policies) {
    out += "policy " + policy.name.text + at(policy.name.place) + '\n';
    for (const ast::Extends &extends : policy.extends) append_extends(out, extends);
    for (const ast::Rule &rule : policy.rules) {
      out += std::string("  ") + word(rule.kind) + ' ' + level_name(rule.level) +
             (rule.nocase ? " nocase" : "") + (rule.reason.empty() ? "" : ' ' + quoted(rule.reason)) +
             at(rule.place) + '\n';
      append_items(out, "item", rule.items, "    ");
      append_items(out, "except", rule.except, "    ");
    }
    for (const ast::Test &test : policy.tests) {
      out += std::string("  test ") + level_name(test.level) + '\n';
      append_items(out, "path", test.paths, "    ");
    }
  }
  return out;
}

std::string dump_rules(const RuleSet &rules) {
  std::string out = "policy " + rules.policy + '\n';
  for (const SourceFile &file : rules.files) out += "file " + file.name + '\n';
  auto tail = [](bool inherited, const std::string &reason, const Place &place) {
    return (inherited ? std::string(" inherited") : std::string()) +
           (reason.empty() ? "" : ' ' + quoted(reason)) + at(place) + '\n';
  };
  for (const Rule &rule : rules.rules) {
    out += std::string(rule.kind == Rule::Kind::allow ? "allow " : "limit ") + level_name(rule.level) +
           (rule.nocase ? " nocase" : "") + " of " + rule.policy +
           tail(rule.inherited, rule.reason, rule.place);
    append_patterns(out, "covers", rule.patterns);
    append_patterns(out, "except", rule.except);
  }
  for (const NeverRule &never : rules.nevers) {
    out += std::string("never ") + level_name(never.level) + tail(never.inherited, never.reason, never.place);
    append_patterns(out, "covers", never.patterns);
  }
  for (const TestCase &test : rules.tests) {
    out += std::string("test ") + level_name(test.level) + ' ' + spell_literal(test.path) + at(test.place) +
           '\n';
  }
  return out;
}

}  // namespace agentfense::lang
