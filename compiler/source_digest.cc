#include "compiler/source_digest.h"

#include <string_view>

#include "compiler/table/digest.h"

namespace agentfense::compiler {

std::string portable_name(const lang::RuleSet &rules, uint32_t file) {
  const std::string &main = rules.files.front().name;
  const std::string &name = rules.files[file].name;
  const size_t slash = main.rfind('/');
  if (slash == std::string::npos || !name.starts_with(std::string_view(main).substr(0, slash + 1)))
    return name;
  return name.substr(slash + 1);
}

std::array<uint8_t, 32> source_digest(const lang::RuleSet &rules) {
  table::Sha256 sha;
  // Lengths stand before texts, so that no two lists of files run together to the same bytes.
  const auto add = [&](std::string_view text) {
    sha.update(std::to_string(text.size()));
    sha.update(":");
    sha.update(text);
  };
  sha.update(std::to_string(rules.files.size()));
  sha.update(";");
  for (uint32_t f = 0; f < rules.files.size(); ++f) {
    add(portable_name(rules, f));
    add(rules.files[f].text);
  }
  return sha.finish();
}

}  // namespace agentfense::compiler
