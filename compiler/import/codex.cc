#include "compiler/import/codex.h"

#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <algorithm>

#include "compiler/import/glob_syntax.h"
#include "compiler/import/prune.h"
#include "compiler/import/rule_list.h"
#include "compiler/import/walk.h"
#include "lang/print_diagnostics.h"

namespace agentfense::compiler::import {
namespace {

using lang::Level;
using lang::PathPattern;

constexpr int kMaxExtends = 16;

std::string shown(std::string_view text) { return lang::escape_bytes(text); }

struct Entry {
  Level level;
  PathPattern host;     // which of two is the more specific shows on the host alone:
  PathPattern pattern;  // in the view, folders above it are all its root
  bool glob;
  std::string note;
};

class Importer {
 public:
  Importer(Draft &draft, const Anchor &anchor) : draft_(draft), anchor_(anchor) {}

  std::optional<Refusal> run(const toml::table &config) {
    for (const auto &[key, value] : config) {
      const std::string_view name = key.str();
      if (name != "sandbox_mode" && name != "sandbox_workspace_write" && name != "default_permissions" &&
          name != "permissions")
        drop("the key `" + shown(name) + "`");
    }
    const toml::node *mode = config.get("sandbox_mode");
    if (mode != nullptr && !mode->is_string()) return Refusal{"sandbox_mode is no text"};
    const toml::node *chosen = config.get("default_permissions");
    if (chosen != nullptr && !chosen->is_string()) return Refusal{"default_permissions is no text"};
    if (mode == nullptr && chosen != nullptr) {
      if (config.contains("sandbox_workspace_write"))
        drop("sandbox_workspace_write: default_permissions is set");
      read_profile(config, chosen->value_or(std::string()));
    } else {
      if (chosen != nullptr)
        drop("default_permissions and permissions: sandbox_mode is set, which wins");
      else if (config.contains("permissions"))
        drop("permissions: default_permissions chooses none of them");
      read_mode(config, mode == nullptr ? std::string("read-only") : mode->value_or(std::string()),
                mode != nullptr);
    }
    if (!fault_) write_statements();
    return fault_;
  }

 private:
  void drop(const std::string &what) { draft_.left_out.push_back(what); }
  void fail(const std::string &what) {
    if (!fault_) fault_ = Refusal{what};
  }

  void add(Level level, const PathPattern &host, bool glob, const std::string &note) {
    const std::optional<PathPattern> view = into_view(host, anchor_.places.root);
    if (!view)
      return drop(note + ": names nothing inside " +
                  (anchor_.places.root.empty() ? "/" : shown(anchor_.places.root)));
    entries_.push_back({level, host, *view, glob, note});
  }

  // An absolute path, or one in the home folder.
  std::optional<PathPattern> host_path(std::string_view text, const std::string &note, bool &glob) {
    std::string base;
    if (text == "~" || text.starts_with("~/")) {
      if (!anchor_.places.home_known) {
        drop(note + ": the home folder is not known; say --home");
        return std::nullopt;
      }
      base = anchor_.places.home;
      text.remove_prefix(1);
    } else if (!text.starts_with("/")) {
      fail(note + ": the path is not absolute");
      return std::nullopt;
    }
    glob = text.find_first_of("*?[") != std::string_view::npos;
    auto parsed = parse_glob(text, glob ? Dialect::gitignore : Dialect::literal);
    if (const auto *refusal = std::get_if<Refusal>(&parsed)) {
      fail(note + ": the path " + refusal->message + "; mend it or take it out");
      return std::nullopt;
    }
    return joined(literal_path(base), std::get<PathPattern>(parsed));
  }

  void add_writable_root(const PathPattern &host, const std::string &note) {
    add(Level::write, host, false, note);
    if (!into_view(host, anchor_.places.root)) return;
    for (const char *kept : {".git", ".agents", ".codex"})
      add(Level::read, joined(host, literal_path(kept)), false, note + ": " + kept + " stays read-only");
  }

  bool flag(const toml::table &table, const char *key) {
    const toml::node *node = table.get(key);
    if (node != nullptr && !node->is_boolean()) fail(std::string(key) + " is neither true nor false");
    return node != nullptr && node->value_or(false);
  }

  void read_mode(const toml::table &config, const std::string &mode, bool given) {
    const std::string what =
        given ? "sandbox_mode is " + shown(mode) : "sandbox_mode is not set, which means read-only";
    if (mode != "read-only" && mode != "workspace-write" && mode != "danger-full-access")
      return fail("the sandbox_mode `" + shown(mode) +
                  "` is unknown; write read-only, workspace-write or danger-full-access");
    draft_.header.push_back(
        what + (anchor_.places.base ? "; --base says what is outside of its writable folders." : "."));
    const Level base =
        anchor_.places.base.value_or(mode == "danger-full-access" ? Level::write : Level::read);
    entries_.push_back({base, {}, {}, false, what});
    const toml::node *node = config.get("sandbox_workspace_write");
    if (node != nullptr && !node->is_table()) return fail("sandbox_workspace_write is no table");
    if (mode != "workspace-write") {
      if (node != nullptr) drop("sandbox_workspace_write: the mode is not workspace-write");
      return;
    }
    static const toml::table kNothing;
    const toml::table &more = node == nullptr ? kNothing : *node->as_table();
    add_writable_root(literal_path(anchor_.project), "the workspace");
    for (const auto &[key, value] : more) {
      const std::string_view name = key.str();
      if (name == "network_access")
        drop("sandbox_workspace_write.network_access: a policy says nothing of the network");
      else if (name != "writable_roots" && name != "exclude_slash_tmp" && name != "exclude_tmpdir_env_var")
        drop("sandbox_workspace_write." + shown(name));
    }
    if (const toml::node *roots = more.get("writable_roots")) {
      if (!roots->is_array()) return fail("writable_roots is no list of paths");
      for (const toml::node &root : *roots->as_array()) {
        if (!root.is_string()) return fail("writable_roots is no list of paths");
        const std::string text = root.value_or(std::string());
        const std::string note = "writable_roots " + shown(text);
        bool glob = false;
        if (const auto path = host_path(text, note, glob)) add_writable_root(*path, note);
      }
    }
    if (!flag(more, "exclude_slash_tmp"))
      add(Level::write, literal_path("/tmp"), false, "/tmp, as exclude_slash_tmp is not set");
    if (!flag(more, "exclude_tmpdir_env_var"))
      drop("$TMPDIR is writable there; name it in the policy where it lies in the view");
  }

  std::optional<Level> level_of(const toml::node &node, const std::string &note) {
    const std::string text = node.value_or(std::string());
    if (text == "read") return Level::read;
    if (text == "write") return Level::write;
    if (text == "deny" || text == "none") return Level::none;
    fail(note + ": expected \"read\", \"write\" or \"deny\"");
    return std::nullopt;
  }

  void read_profile(const toml::table &config, const std::string &first) {
    draft_.header.push_back("The permission profile " + shown(first) + ".");
    if (anchor_.places.base) entries_.push_back({*anchor_.places.base, {}, {}, false, "--base"});
    std::map<std::string, std::pair<const toml::node *, std::string>> files;  // a child's entry wins
    std::string name = first;
    for (int depth = 0; !name.empty(); ++depth) {
      if (depth > kMaxExtends) return fail("the profile " + shown(first) + " extends too many others");
      if (name == ":danger-full-access") {
        entries_.push_back({Level::write, {}, {}, false, name});
        break;
      }
      if (name == ":workspace" || name == ":read-only") {
        entries_.push_back({Level::read, {}, {}, false, name});
        if (name == ":workspace") {
          if (!files.contains(":workspace_roots")) add_writable_root(literal_path(anchor_.project), name);
          if (!files.contains(":slash_tmp")) add(Level::write, literal_path("/tmp"), false, name + ": /tmp");
          drop(name + ": $TMPDIR is writable there; name it in the policy where it lies in the view");
        }
        break;
      }
      const toml::table *profile = config["permissions"][name].as_table();
      if (profile == nullptr) return fail("there is no table permissions." + shown(name));
      read_tables(*profile, name, files);
      name = (*profile)["extends"].value_or(std::string());
    }
    for (const auto &[path, entry] : files) read_entry(path, *entry.first, entry.second);
  }

  void read_tables(const toml::table &profile, const std::string &name,
                   std::map<std::string, std::pair<const toml::node *, std::string>> &files) {
    const std::string at = "permissions." + shown(name);
    for (const auto &[key, value] : profile) {
      const std::string_view k = key.str();
      if (k == "network")
        drop(at + ".network: a policy says nothing of the network");
      else if (k != "filesystem" && k != "extends" && k != "workspace_roots" && k != "description")
        drop(at + "." + shown(k));
    }
    if (const toml::node *roots = profile.get("workspace_roots")) {
      if (!roots->is_table()) return fail(at + ".workspace_roots is no table");
      for (const auto &[key, on] : *roots->as_table()) {
        if (on.value_or(false)) roots_.emplace_back(key.str());
      }
    }
    const toml::node *node = profile.get("filesystem");
    if (node == nullptr) return;
    if (!node->is_table()) return fail(at + ".filesystem is no table");
    for (const auto &[key, value] : *node->as_table())
      files.try_emplace(std::string(key.str()), &value, at + ".filesystem " + shown(key.str()));
  }

  void read_entry(const std::string &path, const toml::node &node, const std::string &note) {
    if (path == "glob_scan_max_depth") return drop(note + ": globs here reach every depth");
    if (path == ":minimal" || path == ":tmpdir")
      return drop(note + ": stands for folders of the machine that runs it");
    if (path == ":workspace_roots" || path == ":project_roots") {
      std::vector<PathPattern> roots{literal_path(anchor_.project)};
      for (const std::string &r : roots_) {
        bool glob = false;
        if (const auto root = host_path(r, "workspace_roots " + shown(r), glob)) roots.push_back(*root);
      }
      for (const PathPattern &root : roots) scoped(root, node, note);
      return;
    }
    bool glob = false;
    std::optional<PathPattern> host;
    if (path == ":root")
      host = PathPattern{};
    else if (path == ":slash_tmp")
      host = literal_path("/tmp");
    else if (path.starts_with(":"))
      return fail(note + ": the special path is unknown");
    else
      host = host_path(path, note, glob);
    if (!host) return;
    if (node.is_table()) return scoped(*host, node, note);
    if (const auto level = level_of(node, note))
      add(*level, *host, glob, note + " = " + node.value_or(std::string()));
  }

  // { "." = "write", "**/*.env" = "deny" } below a root; a plain level is the root's own.
  void scoped(const PathPattern &root, const toml::node &node, const std::string &note) {
    if (!node.is_table()) {
      if (const auto level = level_of(node, note))
        add(*level, root, false, note + " = " + node.value_or(std::string()));
      return;
    }
    for (const auto &[key, value] : *node.as_table()) {
      const std::string_view sub = key.str();
      const std::string here = note + " " + shown(sub);
      const auto level = level_of(value, here);
      if (!level) return;
      const bool glob = sub.find_first_of("*?[") != std::string_view::npos;
      auto parsed =
          parse_glob(sub == "." ? std::string_view() : sub, glob ? Dialect::gitignore : Dialect::literal);
      if (const auto *refusal = std::get_if<Refusal>(&parsed))
        return fail(here + ": the path " + refusal->message + "; mend it");
      PathPattern host = joined(root, std::get<PathPattern>(parsed));
      add(*level, host, glob, here + " = " + value.value_or(std::string()));
    }
  }

  // The more specific entry wins; a denied glob is opened by nothing.
  void write_statements() {
    for (const Entry &e : entries_) {
      if (e.level != Level::none) draft_.statements.push_back({false, e.level, e.pattern, {}, {e.note}});
      if (e.level == Level::write) continue;
      Statement limit{true, e.level, e.pattern, {}, {e.note}};
      bool beaten = false;  // over the whole view
      for (const Entry &o : entries_) {
        if (o.level <= e.level || (e.glob && e.level == Level::none)) continue;
        if (!contains(e.host, o.host) || contains(o.host, e.host)) continue;
        beaten |= o.pattern.components.empty();
        limit.except.push_back(o.pattern);
      }
      if (beaten) continue;
      draft_.statements.push_back(std::move(limit));
    }
  }

  Draft &draft_;
  const Anchor &anchor_;
  std::vector<Entry> entries_;
  std::vector<std::string> roots_;
  std::optional<Refusal> fault_;
};

}  // namespace

Result import_codex(std::string_view text, const std::string &name, const Anchor &anchor) {
  // The parser walks down by recursion; its own bound is above what anyone writes.
  if (nests_too_deeply(text))
    return Refusal{"nests tables more than " + std::to_string(kMaxNesting) + " deep"};
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    const auto &where = parsed.error().source().begin;
    return Refusal{"is no TOML, line " + std::to_string(where.line) + ": " +
                   shown(parsed.error().description())};
  }
  Draft draft;
  draft.name = name;
  Importer importer(draft, anchor);
  if (auto refusal = importer.run(parsed.table())) return *refusal;
  if (auto refusal = prune(draft)) return *refusal;
  return draft;
}

}  // namespace agentfense::compiler::import
