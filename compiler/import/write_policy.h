// write_policy: a draft as policy text in canonical form, as a summary for people, and as JSON.
#pragma once

#include <string>

#include "compiler/import/draft.h"

namespace agentfense::compiler::import {

// `source` and `kind` ("rule list") go into the header comment; any bytes.
[[nodiscard]] std::string policy_text(const Draft &draft, const std::string &source, const std::string &kind);
[[nodiscard]] std::string summary(const Draft &draft);
[[nodiscard]] std::string summary_json(const Draft &draft, const std::string &policy);

}  // namespace agentfense::compiler::import
