#include "lang/load_files.h"

#include <algorithm>
#include <utility>

#include "lang/parse.h"
#include "lang/spelling.h"

namespace agentfense::lang {

std::string too_large_text() {
  return "a policy file has at most " + std::to_string(kMaxFileBytes >> 20) + " MiB; split it by `import`";
}

namespace {

constexpr std::string_view kPresetPrefix = "preset:";

std::string folder_of(const std::string &path) {
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

// Why an import may not name this path; empty where it may.
std::string refuse_import(std::string_view path) {
  if (path.empty()) return "an import needs the name of a file";
  if (path.find('\0') != std::string_view::npos) return "the name of a file holds no NUL byte";
  if (path == "-") return "`-` is standard input, which cannot be imported; give the file another name";
  if (path.front() == '/') return "an import names a file beside this one, not an absolute path";
  size_t begin = 0;
  while (begin <= path.size()) {
    size_t end = std::min(path.find('/', begin), path.size());
    std::string_view component = path.substr(begin, end - begin);
    if (component == "..") return "an import cannot leave the folder of its file by `..`";
    if (component.empty() || component == ".") return "an import has no empty and no `.` component";
    begin = end + 1;
  }
  return "";
}

class Loader {
 public:
  Loader(const LoadOptions &options, FileReader &reader, Diagnostics &diagnostics)
      : options_(options), reader_(reader), diagnostics_(diagnostics) {}

  Program run(const std::string &source, std::optional<std::string_view> text) {
    std::string preset =
        source.starts_with(kPresetPrefix) ? source.substr(kPresetPrefix.size()) : std::string();
    program_.files.push_back({source == "-" ? "<stdin>" : source, {}});
    ReadResult main;
    std::string path = source;
    if (text) {
      main = {ReadResult::Status::ok, std::string(*text), {}};
      if (text->size() > kMaxFileBytes) main.status = ReadResult::Status::too_large;
    } else if (!preset.empty()) {
      main = read_preset(preset, path);
    } else {
      main = reader_.read(source, kMaxFileBytes);
    }
    if (main.status != ReadResult::Status::ok) {
      report_main(main, preset);
      return std::move(program_);
    }
    add_module(preset, 0, path, source == "-" ? "" : folder_of(source), std::move(main.text));
    // Presets that are met on the way join the end of the list.
    for (size_t i = 0; i < program_.modules.size(); ++i) load_presets_of(i);
    program_.broken = diagnostics_.has_errors();
    return std::move(program_);
  }

 private:
  struct Frame {
    uint32_t index;    // into Program::files
    std::string path;  // for the reader
    ast::File ast;
    size_t next = 0;  // the import to follow next
  };

  void report_main(const ReadResult &result, const std::string &preset) {
    Place whole;
    program_.broken = true;
    if (result.status == ReadResult::Status::too_large) {
      diagnostics_.report(Code::file_too_large, whole, too_large_text());
      return;
    }
    program_.io_error = true;
    if (!preset.empty() && result.status == ReadResult::Status::missing) {
      diagnostics_.report(Code::unknown_preset, whole, no_preset_text(preset));
      return;
    }
    diagnostics_.report(Code::cannot_read, whole, "this file cannot be read: " + result.reason);
  }

  std::string no_preset_text(const std::string &preset) const {
    std::string text = "no preset is named `" + preset + "`";
    if (options_.preset_dirs.empty()) return text + ": no folder of presets was given, use --preset-dir";
    text += ": there is no " + preset + ".afp in ";
    for (const std::string &dir : options_.preset_dirs) {
      text += (&dir == &options_.preset_dirs.front() ? "" : ", ") + dir;
    }
    return text;
  }

  ReadResult read_preset(const std::string &name, std::string &path) {
    ReadResult result;
    result.status = ReadResult::Status::missing;
    if (!is_name(name)) return result;
    for (const std::string &dir : options_.preset_dirs) {
      path = dir + "/" + name + ".afp";
      result = reader_.read(path, kMaxFileBytes);
      if (result.status != ReadResult::Status::missing) break;
    }
    return result;
  }

  // `shown` is what stands before an import's name in the names of files.
  void add_module(const std::string &preset, uint32_t root, const std::string &path, const std::string &shown,
                  std::string text) {
    Module &module = program_.modules.emplace_back();
    module.preset = preset;
    if (!preset.empty()) program_.presets.emplace(preset, static_cast<uint32_t>(program_.modules.size() - 1));
    std::map<std::string, uint32_t> known{{path, root}};
    std::vector<Frame> stack;
    stack.push_back(open_file(root, path, std::move(text)));
    while (!stack.empty()) {
      Frame &top = stack.back();
      if (top.next == top.ast.imports.size()) {
        module.files.push_back({top.index, std::move(top.ast)});
        stack.pop_back();
        continue;
      }
      const ast::String import = top.ast.imports[top.next++].path;
      if (std::string refusal = refuse_import(import.text); !refusal.empty()) {
        diagnostics_.report(Code::bad_import, import.place, refusal);
        module.incomplete = true;
        continue;
      }
      std::string target = (top.path == "-" ? "" : folder_of(top.path)) + import.text;
      if (auto found = known.find(target); found != known.end()) {
        report_cycle(stack, found->second, import);
        continue;
      }
      std::string prefix = preset.empty() ? shown : std::string(kPresetPrefix);
      std::string name = prefix + target.substr(path == "-" ? 0 : folder_of(path).size());
      if (auto frame = import_file(stack.size(), target, name, import)) {
        known.emplace(target, frame->index);
        stack.push_back(*std::move(frame));
      } else {
        module.incomplete = true;
      }
    }
  }

  Frame open_file(uint32_t index, const std::string &path, std::string text) {
    program_.files[index].text = std::move(text);
    return {index, path, parse(index, program_.files[index].text, diagnostics_)};
  }

  void report_cycle(const std::vector<Frame> &stack, uint32_t index, const ast::String &import) {
    auto open = std::find_if(stack.begin(), stack.end(), [&](const Frame &f) { return f.index == index; });
    if (open == stack.end()) return;  // imported twice, which is the same as once
    std::string chain;
    for (auto it = open; it != stack.end(); ++it) chain += program_.files[it->index].name + " -> ";
    diagnostics_.report(Code::import_cycle, import.place,
                        "these files import each other: " + chain + program_.files[index].name +
                            "; move what they share into a file of its own");
  }

  std::optional<Frame> import_file(size_t depth, const std::string &path, const std::string &name,
                                   const ast::String &import) {
    if (depth >= kMaxImportDepth) {
      diagnostics_.report(Code::import_depth, import.place,
                          "imports are nested deeper than " + std::to_string(kMaxImportDepth) + " files");
      return std::nullopt;
    }
    auto index = add_file(name, import.place);
    if (!index) return std::nullopt;
    ReadResult result = reader_.read(path, kMaxFileBytes);
    if (result.status == ReadResult::Status::ok) return open_file(*index, path, std::move(result.text));
    program_.files.pop_back();
    if (result.status == ReadResult::Status::too_large) {
      diagnostics_.report(Code::file_too_large, import.place, too_large_text());
    } else {
      diagnostics_.report(Code::import_not_found, import.place,
                          "the file " + name + " cannot be imported: " +
                              (result.reason.empty() ? "it does not exist" : result.reason));
    }
    return std::nullopt;
  }

  std::optional<uint32_t> add_file(const std::string &name, const Place &wanted) {
    if (program_.files.size() == kMaxFiles) {
      diagnostics_.report(Code::too_many_files, wanted,
                          "a policy consists of at most " + std::to_string(kMaxFiles) + " files");
      return std::nullopt;
    }
    program_.files.push_back({name, {}});
    return static_cast<uint32_t>(program_.files.size() - 1);
  }

  void load_presets_of(size_t module) {
    std::vector<ast::Name> wanted;
    for (const ParsedFile &file : program_.modules[module].files) {
      for (const ast::Policy &policy : file.ast.policies) {
        for (const ast::Extends &extends : policy.extends) {
          for (const ast::PolicyRef &base : extends.bases) {
            if (base.preset && !program_.presets.contains(base.name.text)) wanted.push_back(base.name);
          }
        }
      }
    }
    for (const ast::Name &name : wanted) {
      if (!program_.presets.contains(name.text)) load_preset(name);
    }
  }

  void load_preset(const ast::Name &name) {
    std::string path;
    ReadResult result = read_preset(name.text, path);
    if (result.status == ReadResult::Status::ok) {
      if (auto index = add_file(std::string(kPresetPrefix) + name.text, name.place)) {
        add_module(name.text, *index, path, "", std::move(result.text));
      }
    } else if (result.status == ReadResult::Status::missing) {
      diagnostics_.report(Code::unknown_preset, name.place, no_preset_text(name.text));
    } else if (result.status == ReadResult::Status::too_large) {
      diagnostics_.report(Code::file_too_large, name.place, too_large_text());
    } else {
      diagnostics_.report(Code::cannot_read, name.place, path + " cannot be read: " + result.reason);
    }
  }

  const LoadOptions &options_;
  FileReader &reader_;
  Diagnostics &diagnostics_;
  Program program_;
};

}  // namespace

Program load_files(const std::string &source, std::optional<std::string_view> text,
                   const LoadOptions &options, FileReader &reader, Diagnostics &diagnostics) {
  return Loader(options, reader, diagnostics).run(source, text);
}

}  // namespace agentfense::lang
