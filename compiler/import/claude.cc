#include "compiler/import/claude.h"

#include <llvm/Support/JSON.h>

#include <algorithm>
#include <filesystem>

#include "compiler/import/gitignore.h"
#include "compiler/import/glob_syntax.h"
#include "compiler/import/prune.h"
#include "compiler/import/rule_list.h"
#include "lang/print_diagnostics.h"

namespace agentfense::compiler::import {
namespace {

namespace json = llvm::json;
using lang::Level;
using lang::PathPattern;

std::string shown(llvm::StringRef text) { return lang::escape_bytes(std::string_view(text)); }

class Importer {
 public:
  Importer(Draft &draft, const Anchor &anchor) : draft_(draft), anchor_(anchor) {}

  std::optional<Refusal> run(const json::Object &settings) {
    for (const auto &[key, value] : sorted(settings)) {
      if (key != "permissions" && key != "sandbox" && key != "$schema") drop("the key `" + shown(key) + "`");
    }
    const json::Object *permissions = settings.getObject("permissions");
    const json::Object *sandbox = settings.getObject("sandbox");
    if (settings.get("permissions") != nullptr && permissions == nullptr)
      return Refusal{"\"permissions\" is no object"};
    if (settings.get("sandbox") != nullptr && sandbox == nullptr) return Refusal{"\"sandbox\" is no object"};
    add_base(permissions, sandbox);
    if (permissions != nullptr) read_permissions(*permissions);
    if (sandbox != nullptr) read_sandbox(*sandbox);
    return fault_;
  }

 private:
  static std::vector<std::pair<std::string, const json::Value *>> sorted(const json::Object &object) {
    std::vector<std::pair<std::string, const json::Value *>> out;
    for (const auto &[key, value] : object) out.emplace_back(llvm::StringRef(key).str(), &value);
    std::sort(out.begin(), out.end());
    return out;
  }
  void drop(const std::string &what) { draft_.left_out.push_back(what); }
  void fail(const std::string &what) {
    if (!fault_) fault_ = Refusal{what};
  }

  std::vector<std::string> strings(const json::Object &object, const char *key) {
    std::vector<std::string> out;
    const json::Value *value = object.get(key);
    if (value == nullptr) return out;
    const json::Array *array = value->getAsArray();
    if (array == nullptr)
      fail(std::string("\"") + key + "\" is no list of texts");
    else if (array->size() > kMaxSourceRules)
      fail(std::string("\"") + key + "\" holds more than 2000 entries; import it in parts");
    if (array == nullptr || fault_) return out;
    for (const json::Value &v : *array) {
      const auto text = v.getAsString();
      if (!text)
        fail(std::string("\"") + key + "\" is no list of texts");
      else
        out.push_back(text->str());
    }
    return out;
  }

  void state(bool limit, Level level, const PathPattern &pattern, const std::string &note,
             std::vector<PathPattern> except = {}) {
    draft_.statements.push_back({limit, level, pattern, std::move(except), {note}});
  }

  // The mode says what happens without a question asked.
  void add_base(const json::Object *permissions, const json::Object *sandbox) {
    std::string mode = "default";
    if (permissions != nullptr) {
      if (const auto given = permissions->getString("defaultMode")) mode = given->str();
    }
    const bool sandboxed = sandbox != nullptr && sandbox->getBoolean("enabled").value_or(false);
    const bool writes = mode == "acceptEdits" || mode == "bypassPermissions" || mode == "auto" ||
                        (sandboxed && mode != "plan");
    const Level project = anchor_.places.base.value_or(writes ? Level::write : Level::read);
    project_level_ = project;
    std::string why = "The project is `" + std::string(lang::level_name(project)) + "`: ";
    if (anchor_.places.base)
      why += "--base says so.";
    else if (sandboxed && mode != "plan")
      why += "sandboxed commands write there without a question.";
    else
      why += "defaultMode is " + shown(mode) +
             (writes ? ", which edits without a question." : ", which does not edit without a question.");
    draft_.header.push_back(why);
    if (project == Level::write) {
      const auto folder = into_view(literal_path(anchor_.project), anchor_.places.root);
      if (folder && !folder->components.empty()) state(false, Level::read, {}, "outside of the project");
      if (folder) state(false, Level::write, *folder, "the project");
    } else if (project != Level::none) {
      state(false, project, {}, "the base");
    }
  }

  // A gitignore pattern of Read(...) or Edit(...), in the view. Says itself why there is none.
  std::optional<PathPattern> rule_path(const std::string &spelling, const std::string &rule) {
    std::string_view text = spelling;
    std::string base = anchor_.project;
    if (text.starts_with("//")) {
      text.remove_prefix(1);
      base.clear();
    } else if (text == "~" || text.starts_with("~/")) {
      if (!anchor_.places.home_known) {
        drop(rule + ": the home folder is not known; say --home");
        return std::nullopt;
      }
      base = anchor_.places.home;
      text.remove_prefix(1);
      if (text.empty()) text = "/**";
    } else if (text.starts_with("./")) {
      text.remove_prefix(1);
    }
    if (text == "/" || text == ".") text = "/**";
    auto read = read_ignore_line(text);
    const auto *refusal = std::get_if<Refusal>(&read);
    if (refusal == nullptr && (!std::get<0>(read) || std::get<0>(read)->negated)) {
      fail(rule + ": the pattern is a comment or begins with `!`; write it with a backslash");
      return std::nullopt;
    }
    if (refusal != nullptr) {
      fail(rule + ": the pattern " + refusal->message + "; mend it or take it out");
      return std::nullopt;
    }
    const IgnorePattern &ignore = *std::get<0>(read);
    if (ignore.folders_only)
      draft_.hides_more.push_back(rule + " means folders alone; files of that name are meant too");
    std::optional<PathPattern> view =
        into_view(joined(literal_path(base), ignore.pattern), anchor_.places.root);
    if (!view)
      drop(rule + ": names nothing inside " +
           (anchor_.places.root.empty() ? "/" : lang::escape_bytes(anchor_.places.root)));
    return view;
  }

  std::optional<PathPattern> sandbox_path(std::string text, const std::string &rule) {
    if (text.starts_with("//")) text.erase(0, 1);
    std::string base;
    if (text == "~" || text.starts_with("~/")) {
      if (!anchor_.places.home_known) {
        drop(rule + ": the home folder is not known; say --home");
        return std::nullopt;
      }
      base = anchor_.places.home;
      text.erase(0, 1);
    } else if (!text.starts_with("/")) {
      base = anchor_.project;
      if (text == ".") text.clear();
      if (text.starts_with("./")) text.erase(0, 2);
    }
    // "../docs" is a folder beside the project.
    text = std::filesystem::path(base + "/" + text).lexically_normal().string();
    auto parsed = parse_glob(text, Dialect::gitignore);
    if (const auto *refusal = std::get_if<Refusal>(&parsed)) {
      fail(rule + ": the path " + refusal->message + "; mend it or take it out");
      return std::nullopt;
    }
    std::optional<PathPattern> view = into_view(std::get<PathPattern>(parsed), anchor_.places.root);
    if (!view)
      drop(rule + ": names nothing inside " +
           (anchor_.places.root.empty() ? "/" : lang::escape_bytes(anchor_.places.root)));
    return view;
  }

  enum class Verdict { allow, ask, deny };

  void read_rule(Verdict verdict, const std::string &text) {
    static constexpr const char *kNames[] = {"allow", "ask", "deny"};
    const std::string rule = std::string(kNames[static_cast<int>(verdict)]) + " " + shown(text);
    const size_t open = text.find('(');
    const std::string tool = text.substr(0, open);
    const bool reads = tool == "Read" || tool == "Glob" || tool == "Grep" || tool == "LS";
    const bool edits = tool == "Edit" || tool == "Write" || tool == "MultiEdit" || tool == "NotebookEdit";
    if (!reads && !edits) return drop(rule + (tool == "*" ? ": tools are no files" : ": no rule over paths"));
    std::optional<PathPattern> path = PathPattern{};
    if (open != std::string::npos) {
      if (!text.ends_with(")") || text.size() < open + 2) return fail(rule + ": the `(` is not closed");
      const std::string inner = text.substr(open + 1, text.size() - open - 2);
      if (inner.empty()) return fail(rule + ": there is no pattern between the parentheses");
      if (inner != "*" && inner != "**") path = rule_path(inner, rule);
    } else if (verdict == Verdict::allow && edits) {
      // A tool without a pattern is allowed where the tool may work: in the project.
      path = into_view(literal_path(anchor_.project), anchor_.places.root);
    }
    if (verdict == Verdict::ask) drop(rule + ": a policy cannot ask; it is denied instead");
    if (!path) return;
    if (tool != "Read" && tool != "Edit" && open != std::string::npos && verdict == Verdict::allow)
      return drop(rule +
                  ": the tool's own documents say that a pattern there is never looked at; write Read(...) "
                  "or Edit(...)");
    if (verdict == Verdict::allow)
      state(false, edits ? Level::write : Level::read, *path, rule);
    else
      state(true, edits ? Level::read : Level::none, *path, rule);
  }

  void read_permissions(const json::Object &permissions) {
    for (const auto &[key, value] : sorted(permissions)) {
      if (key != "allow" && key != "ask" && key != "deny" && key != "defaultMode" &&
          key != "additionalDirectories")
        drop("permissions." + shown(key));
    }
    for (const std::string &folder : strings(permissions, "additionalDirectories")) {
      const std::string note = "additionalDirectories " + shown(folder);
      if (const auto path = sandbox_path(folder, note); path && project_level_ != Level::none)
        state(false, project_level_, *path, note);
    }
    for (const std::string &rule : strings(permissions, "allow")) read_rule(Verdict::allow, rule);
    for (const std::string &rule : strings(permissions, "ask")) read_rule(Verdict::ask, rule);
    for (const std::string &rule : strings(permissions, "deny")) read_rule(Verdict::deny, rule);
  }

  void read_sandbox(const json::Object &sandbox) {
    for (const auto &[key, value] : sorted(sandbox)) {
      if (key != "filesystem" && key != "enabled") drop("sandbox." + shown(key));
    }
    const json::Object *files = sandbox.getObject("filesystem");
    if (sandbox.get("filesystem") != nullptr && files == nullptr)
      return fail("\"sandbox.filesystem\" is no object");
    if (files == nullptr) return;
    for (const auto &[key, value] : sorted(*files)) {
      if (key != "allowWrite" && key != "denyWrite" && key != "denyRead" && key != "allowRead")
        drop("sandbox.filesystem." + shown(key));
    }
    std::vector<PathPattern> readable;
    const bool denies = !strings(*files, "denyRead").empty();
    for (const std::string &p : strings(*files, "allowRead")) {
      const std::string note = "sandbox.filesystem.allowRead " + shown(p);
      const auto path = sandbox_path(p, note);
      if (path && denies) readable.push_back(*path);
      if (path && !denies) draft_.implied.push_back(note + ": there is no denyRead that it opens");
    }
    for (const std::string &p : strings(*files, "allowWrite")) {
      const std::string note = "sandbox.filesystem.allowWrite " + shown(p);
      if (const auto path = sandbox_path(p, note)) state(false, Level::write, *path, note);
    }
    for (const std::string &p : strings(*files, "denyRead")) {
      const std::string note = "sandbox.filesystem.denyRead " + shown(p);
      if (const auto path = sandbox_path(p, note))
        state(true, Level::none, *path, note + (readable.empty() ? "" : ", but allowRead"), readable);
    }
    for (const std::string &p : strings(*files, "denyWrite")) {
      const std::string note = "sandbox.filesystem.denyWrite " + shown(p);
      if (const auto path = sandbox_path(p, note)) state(true, Level::read, *path, note);
    }
  }

  Draft &draft_;
  const Anchor &anchor_;
  Level project_level_ = Level::read;
  std::optional<Refusal> fault_;
};

}  // namespace

Result import_claude(std::string_view text, const std::string &name, const Anchor &anchor) {
  if (nests_too_deeply(text))
    return Refusal{"nests lists more than " + std::to_string(kMaxNesting) + " deep"};
  llvm::Expected<json::Value> root = json::parse(llvm::StringRef(text.data(), text.size()));
  if (!root) return Refusal{"is no JSON: " + lang::escape_bytes(llvm::toString(root.takeError()))};
  const json::Object *settings = root->getAsObject();
  if (settings == nullptr) return Refusal{"is no settings file: it holds no object"};
  Draft draft;
  draft.name = name;
  Importer importer(draft, anchor);
  if (auto refusal = importer.run(*settings)) return *refusal;
  if (auto refusal = prune(draft)) return *refusal;
  return draft;
}

}  // namespace agentfense::compiler::import
