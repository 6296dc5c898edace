// prune: takes out of a draft what changes nothing, so that the policy compiles without a finding.
#pragma once

#include <optional>

#include "compiler/import/draft.h"

namespace agentfense::compiler::import {

// Removes dead allows, redundant limits and useless exceptions one by one: each removal is one that the
// compiler's own exact findings say is without effect, so the meaning stays. What of the source then stands
// in no comment any more goes to `draft.implied`. A Refusal where the policy would be too complex.
[[nodiscard]] std::optional<Refusal> prune(Draft &draft);

}  // namespace agentfense::compiler::import
