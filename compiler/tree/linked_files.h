// LinkedFiles: files of a tree that are hidden under one name and readable under another.
//
// Levels go by path, so a second hard link of a hidden file is as readable as its own path says. Keeps
// two paths for each file that has several names, the least readable and the least hidden one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "compiler/tree/walk_tree.h"
#include "lang/diagnostics.h"
#include "lang/rules.h"

namespace agentfense::compiler {

class LinkedFiles {
 public:
  // One name of a file with several. `rule` decides its level.
  void see(const TreeEntry &entry, const std::string &path, lang::Level level, uint32_t rule);

  // linked-file, one for each rule that makes such a file readable.
  void report(const lang::RuleSet &rules, lang::Diagnostics &diagnostics) const;

 private:
  struct Name {
    std::string path;
    lang::Level level;
    uint32_t rule;
  };
  struct Names {
    uint64_t seen = 0;
    std::optional<Name> readable, hidden;
  };
  std::map<std::pair<uint64_t, uint64_t>, Names> files_;  // by device and inode
};

}  // namespace agentfense::compiler
