#include "mounthelper/cli/delta_policy.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <optional>

#include "mounthelper/delta/quote_path.h"
#include "mounthelper/load/load_table.h"
#include "mounthelper/view/decide.h"
#include "mounthelper/view/reserved_names.h"

namespace agentfense::cli {
namespace {

sys::Result<std::optional<table::Table>> find_policy(const DeltaArguments &arguments, const OpenDelta &open) {
  bool kept =
      faccessat(open.store.meta.get(), "table.aft", F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
  if (arguments.table.empty() && !kept) return std::optional<table::Table>();
  sys::Result<table::Table> table = load::load_table(table_path(arguments), geteuid());
  if (table.ok()) return std::optional(std::move(*table));
  return sys::Status::failure(
      table.error(),
      table.status().message() + "; without the policy, what it hides could be shown: or give --table");
}

bool shows(const delta::Change &change, const table::Table &table) {
  if (change.kind != delta::ChangeKind::deleted) return true;
  return !view::holds_reserved(change.path) &&
         view::visible(table.explain("/" + change.path).info, S_ISDIR(change.before->st_mode));
}

}  // namespace

void add_table_option(CLI::App &app, DeltaArguments &arguments) {
  app.add_option("--table", arguments.table, "the policy; else that of the delta's last mount")
      ->type_name("FILE");
}

std::string table_path(const DeltaArguments &arguments) {
  return arguments.table.empty() ? arguments.delta + "/meta/table.aft" : arguments.table;
}

sys::Result<AskedChanges> asked_changes(const DeltaArguments &arguments, const OpenDelta &open) {
  sys::Result<std::vector<delta::PathGlob>> globs = parse_paths(arguments);
  if (!globs.ok()) return globs.status();
  sys::Result<std::vector<delta::Change>> changes = delta::list_changes(open.store, open.base.get());
  if (!changes.ok()) return changes.status();
  std::erase_if(*changes, [&](const delta::Change &change) {
    bool moved = change.kind == delta::ChangeKind::renamed;
    return !any_covers(*globs, change.path) && !(moved && any_covers(*globs, change.from));
  });
  sys::Result<std::optional<table::Table>> table = find_policy(arguments, open);
  if (!table.ok()) return table.status();
  AskedChanges asked;
  if (*table) asked.hidden = take_hidden(*changes, **table);
  asked.changes = std::move(*changes);
  return asked;
}

std::vector<std::string> take_hidden(std::vector<delta::Change> &changes, const table::Table &table) {
  std::vector<std::string> hidden;
  std::erase_if(changes, [&](const delta::Change &change) {
    bool goes = !shows(change, table);
    if (goes) hidden.push_back(change.path);
    return goes;
  });
  return hidden;
}

void say_left_out(const char *what, const char *why, const std::vector<std::string> &paths) {
  constexpr size_t kNamed = 3;
  if (paths.empty()) return;
  std::string names;
  for (size_t i = 0; i < std::min(kNamed, paths.size()); ++i) {
    names += (i == 0 ? "" : ", ") + delta::quote_path(paths[i]);
  }
  if (paths.size() > kNamed) names += " and " + std::to_string(paths.size() - kNamed) + " more";
  std::fprintf(stderr, "mount.agentfense: %s leaves out %s: %s\n", what, why, names.c_str());
}

}  // namespace agentfense::cli
