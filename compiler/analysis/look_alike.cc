#include "compiler/analysis/look_alike.h"

#include <utf8proc.h>

#include <cstdlib>
#include <string>
#include <string_view>

namespace agentfense::compiler {
namespace {

using lang::ByteSet;
using lang::ComponentGlob;
using lang::GlobItem;

GlobItem byte_item(char c) { return {ByteSet::single(static_cast<unsigned char>(c)), false}; }

// The byte of an item that matches one alone.
std::optional<char> literal_of(const GlobItem &item) {
  if (item.star) return std::nullopt;
  std::optional<char> found;
  for (unsigned b = 0; b < 256; ++b) {
    if (!item.bytes.has(static_cast<unsigned char>(b))) continue;
    if (found) return std::nullopt;
    found = static_cast<char>(b);
  }
  return found;
}

ComponentGlob around(std::string_view before, const ComponentGlob &glob, std::string_view after) {
  ComponentGlob changed;
  for (const char c : before) changed.push_back(byte_item(c));
  changed.insert(changed.end(), glob.begin(), glob.end());
  for (const char c : after) changed.push_back(byte_item(c));
  return changed;
}

ComponentGlob fold(const ComponentGlob &glob) {
  ComponentGlob folded = glob;
  for (GlobItem &item : folded) {
    for (unsigned char b = 'a'; b <= 'z'; ++b) {
      const auto upper = static_cast<unsigned char>(b - 'a' + 'A');
      if (item.bytes.has(b)) item.bytes.add(upper);
      if (item.bytes.has(upper)) item.bytes.add(b);
    }
  }
  return folded;
}

// As it is where it is no UTF-8.
std::string normalised(const std::string &text, bool compose) {
  const auto *bytes = reinterpret_cast<const utf8proc_uint8_t *>(text.c_str());
  utf8proc_uint8_t *form = compose ? utf8proc_NFC(bytes) : utf8proc_NFD(bytes);
  if (!form) return text;
  std::string result(reinterpret_cast<const char *>(form));
  std::free(form);
  return result;
}

ComponentGlob normalise(const ComponentGlob &glob, bool compose) {
  ComponentGlob changed;
  std::string run;
  const auto flush = [&] {
    for (const char c : normalised(run, compose)) changed.push_back(byte_item(c));
    run.clear();
  };
  for (const GlobItem &item : glob) {
    if (const std::optional<char> c = literal_of(item)) {
      run += *c;
      continue;
    }
    flush();
    changed.push_back(item);
  }
  flush();
  return changed;
}

ComponentGlob change_last(const ComponentGlob &glob, LookAlike kind) {
  const bool open_start = glob.front().star;
  const bool open_end = glob.back().star;
  const bool dotted = literal_of(glob.front()) == '.';
  switch (kind) {
    case LookAlike::tilde:
      return open_end ? glob : around("", glob, "~");
    case LookAlike::bak:
      return open_end ? glob : around("", glob, ".bak");
    case LookAlike::swp:
      return open_end ? glob : around("", glob, ".swp");
    case LookAlike::dot_swp:
      return dotted || (open_start && open_end) ? glob : around(".", glob, ".swp");
    case LookAlike::hashes:
      return open_start && open_end ? glob : around("#", glob, "#");
    default:
      return glob;
  }
}

}  // namespace

std::optional<lang::PathPattern> look_alike(const lang::PathPattern &pattern, LookAlike kind) {
  if (pattern.components.empty()) return std::nullopt;
  lang::PathPattern changed = pattern;
  switch (kind) {
    case LookAlike::other_case:
    case LookAlike::nfc:
    case LookAlike::nfd:
      for (lang::PatternComponent &c : changed.components) {
        if (c.any_depth) continue;
        c.glob = kind == LookAlike::other_case ? fold(c.glob) : normalise(c.glob, kind == LookAlike::nfc);
      }
      break;
    default:
      changed.components.back().glob = change_last(pattern.components.back().glob, kind);
  }
  if (changed == pattern) return std::nullopt;
  return changed;
}

}  // namespace agentfense::compiler
