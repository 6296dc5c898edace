#include "compiler/import/host_path.h"

#include "compiler/import/glob_syntax.h"

namespace agentfense::compiler::import {
namespace {

bool glob_matches(const lang::ComponentGlob &glob, const lang::ComponentGlob &name) {
  size_t g = 0;
  size_t n = 0;
  size_t star = glob.size();
  size_t retry = 0;
  while (n < name.size()) {
    unsigned byte = 1;
    while (!name[n].bytes.has(static_cast<unsigned char>(byte))) ++byte;
    if (g < glob.size() && !glob[g].star && glob[g].bytes.has(static_cast<unsigned char>(byte))) {
      ++g;
      ++n;
    } else if (g < glob.size() && glob[g].star) {
      star = g++;
      retry = n;
    } else if (star < glob.size()) {
      g = star + 1;
      n = ++retry;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g].star) ++g;
  return g == glob.size();
}

}  // namespace

lang::PathPattern literal_path(std::string_view path) {
  lang::PathPattern out;
  for (size_t start = 0; start < path.size();) {
    const size_t end = std::min(path.find('/', start), path.size());
    lang::PatternComponent c;
    for (const char b : path.substr(start, end - start))
      c.glob.push_back({lang::ByteSet::single(static_cast<unsigned char>(b)), false});
    if (!c.glob.empty()) out.components.push_back(std::move(c));
    start = end + 1;
  }
  return out;
}

lang::PathPattern joined(lang::PathPattern base, const lang::PathPattern &rest) {
  base.components.insert(base.components.end(), rest.components.begin(), rest.components.end());
  return base;
}

std::optional<lang::PathPattern> into_view(const lang::PathPattern &host, const std::string &root) {
  const lang::PathPattern folder = literal_path(root);
  size_t at = 0;
  for (const lang::PatternComponent &name : folder.components) {
    if (at == host.components.size()) return lang::PathPattern{};
    if (host.components[at].any_depth) break;
    if (!glob_matches(host.components[at].glob, name.glob)) return std::nullopt;
    ++at;
  }
  lang::PathPattern out;
  out.components.assign(host.components.begin() + static_cast<std::ptrdiff_t>(at), host.components.end());
  make_canonical(out);
  return out;
}

}  // namespace agentfense::compiler::import
