// ast::File: one policy file as written, names not yet looked up, patterns not yet read.
//
// Made by lang/parse.cc; read by lang/resolve.cc and lang/dump.cc. Plain data; statements of one kind
// in source order. A statement with an error inside is left out; one that defines a name is kept
// and marked broken where its name was read, so that its users are not blamed for it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lang/rules.h"

namespace agentfense::lang::ast {

struct Name {
  std::string text;
  Place place;
};

// A decoded string: quotes and escapes are gone.
struct String {
  std::string text;
  Place place;  // with the quotes
};

// One item of a pattern list. `text` is raw: a quoted item's escapes are kept, its quotes are not.
struct Item {
  enum class Kind : uint8_t { name, bare, quoted };
  Kind kind = Kind::bare;
  std::string text;
  Place place;  // with the quotes
};

struct Import {
  String path;
};

struct Param {
  Name name;
  std::optional<String> value;
  bool broken = false;
};

struct Set {
  Name name;
  std::vector<Item> items;
  bool broken = false;
};

struct PolicyRef {
  bool preset = false;
  Name name;  // without "preset:"; the place is with it
};

struct Extends {
  std::vector<PolicyRef> bases;
  std::vector<Item> except;
  Place except_place;  // the word
  bool sealed = false;
  Place sealed_place;  // the word
  std::string text;    // the whole clause on one line
  Place place;
};

struct Rule {
  enum class Kind : uint8_t { allow, limit, never };
  Kind kind = Kind::allow;
  Level level = Level::none;
  bool nocase = false;
  std::vector<Item> items;
  std::vector<Item> except;
  std::string reason;
  std::string text;  // one line, without the reason
  Place place;
  Place items_end;  // behind the last pattern or exception; empty
};

struct Test {
  Level level = Level::none;
  std::vector<Item> paths;
};

struct Policy {
  Name name;
  std::vector<Extends> extends;
  std::vector<Rule> rules;
  std::vector<Test> tests;
  Place end;  // the `}`
  bool broken = false;
};

struct File {
  std::vector<Import> imports;
  std::vector<Param> params;
  std::vector<Set> sets;
  std::vector<Policy> policies;
  bool broken = false;  // some error was reported: what is missing here may only have been lost
};

}  // namespace agentfense::lang::ast
