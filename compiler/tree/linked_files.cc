#include "compiler/tree/linked_files.h"

#include "compiler/analysis/path_order.h"
#include "lang/print_diagnostics.h"

namespace agentfense::compiler {

using lang::Level;

void LinkedFiles::see(const TreeEntry &entry, const std::string &path, Level level, uint32_t rule) {
  if (entry.links < 2) return;
  const std::pair key{entry.device, entry.inode};
  Names &names = files_[key];
  std::optional<Name> &least = level >= Level::read ? names.readable : names.hidden;
  if (!least || path_less(path, least->path)) least = Name{path, level, rule};
  // All names are known and of one kind: nothing to say about this one.
  if (++names.seen == entry.links && !(names.readable && names.hidden)) files_.erase(key);
}

void LinkedFiles::report(const lang::RuleSet &rules, lang::Diagnostics &diagnostics) const {
  struct Found {
    const Names *least;
    uint64_t count;
  };
  std::map<uint32_t, Found> by_rule;
  for (const auto &[key, names] : files_) {
    if (!names.readable || !names.hidden) continue;
    const auto [it, fresh] = by_rule.try_emplace(names.readable->rule, Found{&names, 0});
    ++it->second.count;
    if (path_less(names.readable->path, it->second.least->readable->path)) it->second.least = &names;
  }
  for (const auto &[rule, found] : by_rule) {
    const Name &readable = *found.least->readable, &hidden = *found.least->hidden;
    std::string message = "`" + lang::escape_bytes(readable.path) + "` is a second name of `" +
                          lang::escape_bytes(hidden.path) + "`, of which the policy shows " +
                          (hidden.level == Level::none ? "nothing" : "the name alone") +
                          ", and its content is readable here";
    if (found.count > 1) message += " (and " + std::to_string(found.count - 1) + " more such files)";
    message += "; remove the hard link or limit this path too";
    diagnostics.report(lang::Code::linked_file, rules.rules[rule].place, std::move(message)).example =
        readable.path;
  }
}

}  // namespace agentfense::compiler
