// The mount command: from mount(8)'s words to a served view.
#pragma once

#include <span>

namespace agentfense::mount {

// `words`: the arguments after the program's name. Returns the exit code, in the calling process once the view
// answers, and in the server, a child, when the view is unmounted.
[[nodiscard]] int mount_main(std::span<const char *const> words);

}  // namespace agentfense::mount
