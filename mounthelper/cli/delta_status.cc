#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "mounthelper/cli/delta_arguments.h"
#include "mounthelper/cli/delta_commands.h"
#include "mounthelper/cli/delta_main.h"
#include "mounthelper/cli/delta_policy.h"
#include "mounthelper/cli/json_text.h"
#include "mounthelper/delta/quote_path.h"
#include "mounthelper/delta/summary.h"

namespace agentfense::cli {
namespace {

using delta::Change;
using delta::ChangeKind;

constexpr const char *kFooter = R"(
A line for each path: added, changed, attributes (mode, owner or extended attributes alone), renamed, deleted.
What the policy hides in a deleted directory is left out and named on standard error.
Paths are quoted as git quotes them. In --json a byte that is not UTF-8 is \udcXX, a lone surrogate.

Example:
  mount.agentfense delta status ~/delta --base ~/project --path /src

Exit status: 0, with changes or without; 2 wrong words or failure.)";

const char *type_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return "file";
    case S_IFDIR:
      return "directory";
    case S_IFLNK:
      return "symlink";
    case S_IFIFO:
      return "fifo";
    case S_IFSOCK:
      return "socket";
    default:
      return "device";
  }
}

std::string octal(mode_t mode) {
  char text[16];
  std::snprintf(text, sizeof text, "%04o", mode & 07777);
  return text;
}

std::string shown(const std::string &path, const struct stat &info) {
  return delta::quote_path(path.empty() ? "." : path) + (S_ISDIR(info.st_mode) ? "/" : "");
}

// What is worth a word beside the path.
std::string remark_on(const Change &change) {
  if (!change.before || !change.after) return "";
  const struct stat &before = *change.before;
  const struct stat &after = *change.after;
  std::string text;
  auto add = [&](const std::string &part) { text += (text.empty() ? "" : ", ") + part; };
  if (change.kind == ChangeKind::renamed && change.content_differs) add("content");
  if ((before.st_mode & S_IFMT) != (after.st_mode & S_IFMT)) {
    add(std::string("was a ") + type_of(before.st_mode));
  } else if (change.attributes_differ) {
    bool mode = before.st_mode != after.st_mode;
    bool owner = before.st_uid != after.st_uid || before.st_gid != after.st_gid;
    if (mode) add("mode " + octal(before.st_mode) + " to " + octal(after.st_mode));
    if (owner) {
      add("owner " + std::to_string(before.st_uid) + ":" + std::to_string(before.st_gid) + " to " +
          std::to_string(after.st_uid) + ":" + std::to_string(after.st_gid));
    }
    if (!mode && !owner) add("extended attributes");
  }
  return text.empty() ? "" : "  (" + text + ")";
}

const char *colour_for(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::added:
      return "\033[32m";
    case ChangeKind::deleted:
      return "\033[31m";
    default:
      return "\033[33m";
  }
}

void print_text(const std::vector<Change> &changes) {
  bool colours = colour_on(STDOUT_FILENO);
  for (const Change &change : changes) {
    std::string word = delta::word_for(change.kind);
    word.resize(12, ' ');
    const struct stat &info = change.after ? *change.after : *change.before;
    std::string path = shown(change.path, info);
    if (change.kind == ChangeKind::renamed) path = shown(change.from, info) + " -> " + path;
    std::printf("%s%s%s%s%s\n", colours ? colour_for(change.kind) : "", word.c_str(), colours ? "\033[m" : "",
                path.c_str(), remark_on(change).c_str());
  }
  std::printf("%s\n", delta::summary_of(changes).c_str());
}

std::string json_of(const struct stat &info) {
  JsonObject object;
  object.add("type", type_of(info.st_mode));
  object.add("mode", octal(info.st_mode));
  object.add("uid", uint64_t{info.st_uid});
  object.add("gid", uint64_t{info.st_gid});
  if (S_ISREG(info.st_mode)) object.add("size", static_cast<int64_t>(info.st_size));
  return object.text();
}

void print_json(const std::vector<Change> &changes) {
  JsonArray list(4);
  for (const Change &change : changes) {
    JsonObject object;
    object.add("kind", delta::word_for(change.kind));
    object.add("path", change.path.empty() ? std::string(".") : change.path);
    if (change.kind == ChangeKind::renamed) object.add("from", change.from);
    object.add("content_differs", change.content_differs);
    object.add("attributes_differ", change.attributes_differ);
    if (change.before) object.add_text("before", json_of(*change.before));
    if (change.after) object.add_text("after", json_of(*change.after));
    list.add_text(object.text());
  }
  std::printf("{\n  \"changes\": %s,\n  \"summary\": %s\n}\n", list.text().c_str(),
              json_string(delta::summary_of(changes)).c_str());
}

}  // namespace

int delta_status(std::span<const char *const> words) {
  DeltaArguments arguments;
  bool json = false;
  CLI::App app("Lists what the delta makes of its base, path by path.", "mount.agentfense delta status");
  app.footer(kFooter);
  add_delta_options(app, arguments);
  add_path_option(app, arguments);
  add_table_option(app, arguments);
  app.add_flag("--json", json, "write it for programs");
  if (std::optional<int> answered = parse_words(app, words)) return *answered;

  sys::Result<OpenDelta> open = open_delta_to_read(arguments);
  if (!open.ok()) return delta_fail(open.status().message());
  sys::Result<AskedChanges> asked = asked_changes(arguments, *open);
  if (!asked.ok()) return delta_fail(asked.status().message());
  json ? print_json(asked->changes) : print_text(asked->changes);
  say_left_out("the list", "what the policy hides", asked->hidden);
  return finish_output(kDeltaDone);
}

}  // namespace agentfense::cli
