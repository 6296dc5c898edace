// Program: every file that a policy consists of, parsed, before any name is looked up.
//
// Made by lang/load_files.cc; read by lang/bind_names.cc and lang/resolve.cc. A module is a file with
// all that it imports; names (sets, params, policies) are shared inside a module and invisible
// outside of it. The main file is one module, each preset that is extended is another.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "lang/ast.h"
#include "lang/rules.h"

namespace agentfense::lang {

struct ParsedFile {
  uint32_t index = 0;  // into Program::files
  ast::File ast;
};

struct Module {
  std::string preset;             // its name; empty for the main module, unless that is a preset
  std::vector<ParsedFile> files;  // imports before the files that import them: the root is last
  bool incomplete = false;        // an import failed, so names may be missing without fault
};

struct Program {
  std::vector<SourceFile> files;
  std::deque<Module> modules;               // modules[0] is the main one
  std::map<std::string, uint32_t> presets;  // name -> index into modules
  bool broken = false;                      // an error was reported: what is missing may only have been lost
  bool io_error = false;                    // the main file could not be read
};

}  // namespace agentfense::lang
