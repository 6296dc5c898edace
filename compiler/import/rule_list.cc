#include "compiler/import/rule_list.h"

#include <llvm/Support/JSON.h>

#include <charconv>

#include "lang/print_diagnostics.h"

namespace agentfense::compiler::import {
namespace {

namespace json = llvm::json;

std::string shown(llvm::StringRef text) { return "`" + lang::escape_bytes(std::string_view(text)) + "`"; }

Refusal wrong(size_t rule, const std::string &what) { return {"rule " + std::to_string(rule) + " " + what}; }

// "PERMISSION_NONE" -> "none"; what has no such prefix stays.
std::string plain_word(llvm::StringRef word, llvm::StringRef prefix) {
  return word.consume_front(prefix) ? word.lower() : word.str();
}

std::variant<int64_t, Refusal> read_priority(const json::Value &value, size_t number) {
  if (const auto whole = value.getAsInteger()) return *whole;
  if (const auto text = value.getAsString()) {
    int64_t out = 0;
    const auto [end, error] = std::from_chars(text->begin(), text->end(), out);
    if (error == std::errc() && end == text->end()) return out;
  }
  return wrong(number, "has a \"priority\" that is no whole number");
}

std::variant<ListRule, Refusal> read_rule(const json::Value &value, size_t number, RuleList &list) {
  const json::Object *object = value.getAsObject();
  if (object == nullptr) return wrong(number, "is no object with \"pattern\" and \"permission\"");
  ListRule rule;
  const auto pattern = object->getString("pattern");
  if (!pattern || pattern->empty()) return wrong(number, "has no \"pattern\", or one that is no text");
  rule.pattern = pattern->str();
  const auto permission = object->getString("permission");
  if (!permission) return wrong(number, "has no \"permission\"; write none, view, read or write");
  const std::string level = plain_word(*permission, "PERMISSION_");
  if (level == "none")
    rule.level = lang::Level::none;
  else if (level == "view")
    rule.level = lang::Level::view;
  else if (level == "read")
    rule.level = lang::Level::read;
  else if (level == "write")
    rule.level = lang::Level::write;
  else
    return wrong(number,
                 "has the unknown permission " + shown(*permission) + "; write none, view, read or write");
  if (const json::Value *priority = object->get("priority")) {
    auto read = read_priority(*priority, number);
    if (auto *refusal = std::get_if<Refusal>(&read)) return *refusal;
    rule.priority = std::get<int64_t>(read);
  }
  if (const json::Value *given = object->get("type")) {
    const auto text = given->getAsString();
    const std::string type = text ? plain_word(*text, "PATTERN_TYPE_") : std::string();
    rule.typed = true;
    if (type == "glob")
      rule.type = ListRule::Type::glob;
    else if (type == "directory")
      rule.type = ListRule::Type::directory;
    else if (type == "file")
      rule.type = ListRule::Type::file;
    else
      return wrong(number, "has an unknown \"type\"; write glob, directory or file");
  }
  std::vector<std::string> others;
  for (const auto &[key, ignored] : *object) {
    const llvm::StringRef name = key;
    if (name != "pattern" && name != "permission" && name != "priority" && name != "type")
      others.push_back(name.str());
  }
  std::sort(others.begin(), others.end());
  for (const std::string &key : others)
    list.left_out.push_back("rule " + std::to_string(number) + ": the key " + shown(key) +
                            " is no part of a rule");
  return rule;
}

// The array of rules inside `root`, wherever the known forms have it.
std::variant<const json::Array *, Refusal> find_list(const json::Value &root, const std::string &preset,
                                                     RuleList &list) {
  if (const json::Array *array = root.getAsArray()) return array;
  const json::Object *object = root.getAsObject();
  if (object == nullptr) return Refusal{"holds neither a list of rules nor an object with \"permissions\""};
  std::vector<std::string> names;
  std::vector<std::string> others;
  for (const auto &[key, value] : *object) {
    (value.getAsArray() != nullptr ? names : others).push_back(llvm::StringRef(key).str());
  }
  std::sort(names.begin(), names.end());
  std::sort(others.begin(), others.end());
  std::string chosen = preset;
  if (chosen.empty()) {
    for (const char *known : {"permissions", "rules"}) {
      if (chosen.empty() && object->getArray(known) != nullptr) chosen = known;
    }
  }
  if (chosen.empty() && names.size() == 1) chosen = names[0];
  if (chosen.empty()) {
    std::string all;
    for (const std::string &n : names) all += (all.empty() ? "" : ", ") + shown(n);
    return Refusal{names.empty()
                       ? "holds no list of rules; expected an array, or an object with \"permissions\""
                       : "holds several lists: " + all + "; choose one with --preset"};
  }
  const json::Array *array = object->getArray(chosen);
  if (array == nullptr) return Refusal{"holds no list named " + shown(chosen)};
  for (const std::string &n : names) {
    if (n != chosen) list.left_out.push_back("the list " + shown(n));
  }
  for (const std::string &n : others) list.left_out.push_back("the key " + shown(n));
  return array;
}

}  // namespace

bool nests_too_deeply(std::string_view json) {
  size_t depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (quoted) {
      if (c == '\\') ++i;
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxNesting) return true;
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return false;
}

std::variant<RuleList, Refusal> read_rule_list(std::string_view text, const std::string &preset) {
  if (nests_too_deeply(text))
    return Refusal{"nests lists more than " + std::to_string(kMaxNesting) + " deep"};
  llvm::Expected<json::Value> root = json::parse(llvm::StringRef(text.data(), text.size()));
  if (!root) return Refusal{"is no JSON: " + lang::escape_bytes(llvm::toString(root.takeError()))};
  RuleList list;
  auto found = find_list(*root, preset, list);
  if (auto *refusal = std::get_if<Refusal>(&found)) return *refusal;
  const json::Array &array = *std::get<const json::Array *>(found);
  if (array.size() > kMaxSourceRules)
    return Refusal{"holds more than " + std::to_string(kMaxSourceRules) + " rules; import it in parts"};
  for (const json::Value &value : array) {
    auto rule = read_rule(value, list.rules.size() + 1, list);
    if (auto *refusal = std::get_if<Refusal>(&rule)) return *refusal;
    list.rules.push_back(std::move(std::get<ListRule>(rule)));
  }
  return list;
}

}  // namespace agentfense::compiler::import
