#include "mounthelper/cli/run_delta.h"

#include <fcntl.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "mounthelper/cli/delta_policy.h"
#include "mounthelper/delta/apply.h"
#include "mounthelper/delta/changes.h"
#include "mounthelper/delta/summary.h"
#include "mounthelper/launch/supervise.h"

namespace agentfense::cli {
namespace {

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
                                     std::vector<std::byte> table_bytes) {
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
    if (!arguments.read_only) {
      if (sys::Status settled = delta::check_settled(*opened, request); !settled.ok()) return settled;
    }
    run.named_.emplace(std::move(*opened));
  }
  if (arguments.read_only) return run;
  sys::Status kept = delta::keep_table(
      *run.store(), {reinterpret_cast<const char *>(table_bytes.data()), table_bytes.size()});
  if (!kept.ok()) return kept;
  run.table_bytes_ = std::move(table_bytes);
  return run;
}

sys::Result<table::Table> RunDelta::policy() const {
  auto decoded = table::decode(table_bytes_);
  auto *table = std::get_if<table::Table>(&decoded);
  if (table == nullptr) return sys::Status::failure(EBADMSG);
  return std::move(*table);
}

const delta::Store *RunDelta::store() const {
  if (temporary_) return &temporary_->store();
  return named_ ? &*named_ : nullptr;
}

std::string RunDelta::how_to(const char *command) const {
  return std::string("see mount.agentfense delta ") + command + " " +
         shell_word(temporary_ ? temporary_->path() : path_) + " --base " + shell_word(base_path_);
}

void RunDelta::summarize(const std::string &fate, bool also_nothing) const {
  sys::Result<std::vector<delta::Change>> changes = delta::list_changes(*store(), base_.get());
  if (!changes.ok()) {
    std::fprintf(stderr, "mount.agentfense: cannot tell what has changed: %s; %s\n",
                 std::strerror(changes.error()), how_to("status").c_str());
    return;
  }
  if (sys::Result<table::Table> table = policy(); table.ok()) (void)take_hidden(*changes, *table);
  if (changes->empty() && !also_nothing) return;
  std::fprintf(stderr, "agentfense: %s; %s\n", delta::summary_of(*changes).c_str(), fate.c_str());
}

sys::Status RunDelta::apply(bool quiet) const {
  sys::Result<table::Table> table = policy();
  if (!table.ok()) return table.status();
  delta::ApplyRequest request;
  request.store = store();
  request.base = base_.get();
  request.table = &*table;
  sys::Result<delta::ApplyReport> report = delta::apply(request);
  if (!report.ok()) {
    return sys::Status::failure(report.error(), report.status().message() + "; " + how_to("apply"));
  }
  std::vector<delta::Change> applied;
  size_t left = report->missed.size();
  for (const delta::Planned &item : report->plan.items) {
    bool whole = item.fate == delta::Fate::applied && !item.keeps_from && !report->plan.stopped;
    if (whole) applied.push_back(item.change);
    if (!whole) ++left;
  }
  if (left != 0) {
    return sys::Status::failure(
        EBUSY, (report->plan.stopped ? "nothing was applied, because of conflicts with the base; "
                                     : std::to_string(left) + " of the changes were not applied; ") +
                   how_to("apply"));
  }
  if (!quiet && !applied.empty()) {
    std::fprintf(stderr, "agentfense: %s; applied to %s\n", delta::summary_of(applied).c_str(),
                 base_path_.c_str());
  }
  return {};
}

sys::Status RunDelta::conclude(const RunArguments &arguments, bool apply_now) {
  // An apply that is killed must find its delta again, whatever else runs meanwhile.
  bool kept = temporary_ && (arguments.keep || apply_now);
  if (kept) {
    if (sys::Status status = temporary_->keep(); !status.ok()) return status;
  }
  if (apply_now) {
    if (sys::Status status = apply(arguments.quiet); !status.ok()) return status;
    kept = arguments.keep;
  } else if (!arguments.quiet) {
    bool discarded = temporary_ && !kept;
    summarize(discarded ? "discarded with the temporary delta" : how_to("diff"), kept);
  }
  if (!temporary_) return {};
  if (!kept) return temporary_->remove();
  // Nothing else has said where it is.
  if (arguments.quiet || apply_now) std::fprintf(stderr, "agentfense: %s\n", how_to("diff").c_str());
  return {};
}

int RunDelta::finish(const RunArguments &arguments, int status) {
  if (store() == nullptr || arguments.read_only) return status;
  sys::Status concluded = conclude(arguments, arguments.apply_on_success && status == 0);
  if (concluded.ok()) return status;
  const std::string &message = concluded.message();
  std::fprintf(stderr, "mount.agentfense: %s\n",
               message.empty() ? std::strerror(concluded.error()) : message.c_str());
  return status == 0 ? launch::kHelperFailed : status;
}

}  // namespace agentfense::cli
