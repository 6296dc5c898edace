// PathPattern: one brace-free pattern over paths, the unit that the automaton is built from.
//
// Made by lang/pattern_syntax.cc from pattern text; read by compiler/automaton. Plain data, no
// behaviour beyond small constructors, so that the compiler and the test references depend on
// nothing but the meaning fixed in the language reference:
//
//   covers(P, p): P matches p itself or some ancestor of p, the root included.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace agentfense::lang {

// A set of byte values. '/' and NUL are never members: no component holds them.
struct ByteSet {
  std::array<uint64_t, 4> words{};

  void add(unsigned char b) { words[b >> 6] |= uint64_t{1} << (b & 63); }
  [[nodiscard]] bool has(unsigned char b) const { return (words[b >> 6] >> (b & 63)) & 1; }
  auto operator<=>(const ByteSet &) const = default;

  // Every byte a file name can hold.
  [[nodiscard]] static ByteSet any();
  [[nodiscard]] static ByteSet single(unsigned char b);
};

// One step inside a component: a byte of `bytes`, or, where `star`, any run of name bytes
// including none (`bytes` is then unused and empty). `*` also matches a leading dot.
struct GlobItem {
  ByteSet bytes;
  bool star = false;
  auto operator<=>(const GlobItem &) const = default;
};

// The glob of one path component; never empty. Adjacent stars are collapsed to one.
using ComponentGlob = std::vector<GlobItem>;

// One component of a pattern: `**` (any_depth, glob empty) or a glob.
struct PatternComponent {
  bool any_depth = false;
  ComponentGlob glob;
  auto operator<=>(const PatternComponent &) const = default;
};

// Canonical: no two adjacent `**`, no trailing `**` (a pattern covers what is below it anyway).
// Empty means the root, which covers every path.
struct PathPattern {
  std::vector<PatternComponent> components;
  auto operator<=>(const PathPattern &) const = default;
};

}  // namespace agentfense::lang
