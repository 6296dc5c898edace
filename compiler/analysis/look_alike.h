// look_alike: patterns for names that people, editors and other file systems take for a hidden name.
#pragma once

#include <array>
#include <optional>

#include "lang/path_pattern.h"

namespace agentfense::compiler {

enum class LookAlike : uint8_t {
  other_case,  // /.ENV for /.env, in every component
  tilde,       // .env~       what editors leave behind: the last component
  bak,         // .env.bak
  swp,         // .env.swp
  dot_swp,     // .name.swp   vim's, for a name without a leading dot
  hashes,      // #.env#      Emacs'
  nfc,         // the composed and the decomposed form of the same text (Unicode Annex 15): every component
  nfd,
};

inline constexpr std::array kLookAlikes = {LookAlike::other_case, LookAlike::tilde,   LookAlike::bak,
                                           LookAlike::swp,        LookAlike::dot_swp, LookAlike::hashes,
                                           LookAlike::nfc,        LookAlike::nfd};

// Nothing where the names would be the same, or be among those that the pattern matches anyway.
[[nodiscard]] std::optional<lang::PathPattern> look_alike(const lang::PathPattern &pattern, LookAlike kind);

}  // namespace agentfense::compiler
