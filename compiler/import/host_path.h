// host_path: patterns over paths of the host -> patterns of the view.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "compiler/import/draft.h"
#include "lang/path_pattern.h"

namespace agentfense::compiler::import {

// Where relative patterns of a source start.
struct Anchor {
  std::string project;  // absolute, without a slash at the end; "" is /
  Places places;
};

// A pattern over absolute host paths, cut down to the view. Nothing where it names nothing inside; the
// view's root where it names the view's folder or one above it.
[[nodiscard]] std::optional<lang::PathPattern> into_view(const lang::PathPattern &host,
                                                         const std::string &root);

// A literal absolute path as a pattern.
[[nodiscard]] lang::PathPattern literal_path(std::string_view path);

// `base` then `rest`.
[[nodiscard]] lang::PathPattern joined(lang::PathPattern base, const lang::PathPattern &rest);

}  // namespace agentfense::compiler::import
