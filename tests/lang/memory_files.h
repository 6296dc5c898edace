// MemoryFiles: a FileReader over a map, and loading from it in one call.
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "lang/load_policy.h"
#include "lang/print_diagnostics.h"

namespace agentfense::lang {

struct MemoryFiles final : FileReader {
  std::map<std::string, std::string> files;
  std::vector<std::string> asked;  // every path, in order

  MemoryFiles() = default;
  MemoryFiles(std::initializer_list<std::pair<const std::string, std::string>> content) : files(content) {}

  ReadResult read(const std::string &path, size_t max_bytes) override {
    asked.push_back(path);
    ReadResult result;
    auto found = files.find(path);
    if (found == files.end()) found = files.find("*");
    if (found == files.end()) {
      result.status = ReadResult::Status::missing;
      result.reason = "No such file or directory";
    } else if (found->second.size() > max_bytes) {
      result.status = ReadResult::Status::too_large;
    } else {
      result.status = ReadResult::Status::ok;
      result.text = found->second;
    }
    return result;
  }
};

struct Loaded {
  LoadResult result;
  Diagnostics diagnostics;
  std::vector<std::string> codes;  // of the errors and warnings, sorted by place
  std::string printed;
};

inline Loaded load(MemoryFiles files, const LoadOptions &options = {}, const std::string &main = "main.afp") {
  Loaded out;
  out.result = load_policy(main, options, files, out.diagnostics);
  out.diagnostics.sort();
  for (const Diagnostic &d : out.diagnostics.all()) out.codes.emplace_back(code_name(d.code));
  out.printed = print_diagnostics(out.diagnostics.all(), out.result.files);
  return out;
}

// A main file alone.
inline Loaded load_text(std::string text, const LoadOptions &options = {}) {
  return load(MemoryFiles{{"main.afp", std::move(text)}}, options);
}

// The body of a policy alone.
inline Loaded load_body(const std::string &body, const LoadOptions &options = {}) {
  return load_text("agentfense 1\npolicy p {\n" + body + "\n}\n", options);
}

}  // namespace agentfense::lang
