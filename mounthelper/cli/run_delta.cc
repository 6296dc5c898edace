#include "mounthelper/cli/run_delta.h"

#include <fcntl.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "mounthelper/delta/changes.h"
#include "mounthelper/delta/summary.h"
#include "mounthelper/launch/supervise.h"

namespace agentfense::cli {
namespace {

int fail(const sys::Status &status) {
  const std::string &message = status.message();
  std::fprintf(stderr, "mount.agentfense: %s\n",
               message.empty() ? std::strerror(status.error()) : message.c_str());
  return launch::kHelperFailed;
}

// As a shell takes it for one word.
std::string shell_word(const std::string &text) {
  bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || std::strchr("_./-+@%:=,", c) != nullptr;
  });
  if (plain) return text;
  std::string quoted = "'";
  for (char c : text) c == '\'' ? quoted += "'\\''" : quoted += c;
  return quoted + "'";
}

}  // namespace

sys::Result<RunDelta> RunDelta::open(const RunArguments &arguments, const std::string &base_path,
                                     std::span<const std::byte> table_bytes) {
  RunDelta run;
  run.base_path_ = base_path;
  if (arguments.delta.empty() && !arguments.ephemeral) return run;
  run.base_.reset(::open(base_path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!run.base_) {
    int error = errno;
    return sys::Status::failure(
        error, "cannot show the base " + base_path + ": " + std::strerror(error) + "; check the path");
  }
  if (arguments.ephemeral) {
    auto made = delta::Ephemeral::make(delta::Ephemeral::usual_places(), run.base_.get(), base_path);
    if (!made.ok()) return made.status();
    run.temporary_.emplace(std::move(*made));
  } else {
    run.path_ = arguments.delta;
    delta::StoreRequest request{.path = arguments.delta, .base = run.base_.get(), .base_path = base_path};
    auto opened = arguments.read_only ? delta::open_to_read(request) : delta::open_to_write(request);
    if (!opened.ok()) return opened.status();
    run.named_.emplace(std::move(*opened));
  }
  if (arguments.read_only) return run;
  sys::Status kept = delta::keep_table(
      *run.store(), {reinterpret_cast<const char *>(table_bytes.data()), table_bytes.size()});
  if (!kept.ok()) return kept;
  return run;
}

const delta::Store *RunDelta::store() const {
  if (temporary_) return &temporary_->store();
  return named_ ? &*named_ : nullptr;
}

std::string RunDelta::how_to_look() const {
  return "see mount.agentfense delta diff " + shell_word(temporary_ ? temporary_->path() : path_) +
         " --base " + shell_word(base_path_);
}

void RunDelta::summarize(const std::string &fate, bool also_nothing) const {
  sys::Result<std::vector<delta::Change>> changes = delta::list_changes(*store(), base_.get());
  if (!changes.ok()) {
    std::fprintf(stderr, "mount.agentfense: cannot tell what has changed: %s; %s\n",
                 std::strerror(changes.error()), how_to_look().c_str());
    return;
  }
  if (changes->empty() && !also_nothing) return;
  std::fprintf(stderr, "agentfense: %s; %s\n", delta::summary_of(*changes).c_str(), fate.c_str());
}

int RunDelta::finish(const RunArguments &arguments, int status) {
  if (store() == nullptr || arguments.read_only) return status;
  bool kept = temporary_ && arguments.keep;
  sys::Status after = kept ? temporary_->keep() : sys::Status();
  if (!arguments.quiet) {
    bool discarded = temporary_ && !kept;
    summarize(discarded ? "discarded with the temporary delta" : how_to_look(), kept);
  } else if (kept) {
    std::fprintf(stderr, "agentfense: %s\n", how_to_look().c_str());  // nothing else says where it is
  }
  if (temporary_ && !kept) after = temporary_->remove();
  if (after.ok()) return status;
  int failed = fail(after);
  return status == 0 ? failed : status;
}

}  // namespace agentfense::cli
