// Operations as text: one a line, words parted by blanks, `@UID` first where another user than root acts.
//
// Bytes that would part words are written %XX. The generator prints them, the executor reads them, and a person
// can write them: a failure is handed on as such a list.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace agentfense::testing {

struct Op {
  uid_t user = 0;
  std::vector<std::string> words;  // the verb first
};

[[nodiscard]] std::string escape(std::string_view word);
[[nodiscard]] std::string to_text(const Op &op);
[[nodiscard]] Op from_text(std::string_view line);

}  // namespace agentfense::testing
