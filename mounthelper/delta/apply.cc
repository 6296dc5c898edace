#include "mounthelper/delta/apply.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <unordered_set>

#include "mounthelper/delta/apply_step.h"
#include "mounthelper/delta/format.h"
#include "mounthelper/delta/paths.h"
#include "mounthelper/delta/quote_path.h"
#include "mounthelper/delta/uncover.h"
#include "mounthelper/delta/upper_walk.h"
#include "mounthelper/sys/beneath.h"

namespace agentfense::delta {
namespace {

constexpr size_t kBatch = 256;  // files that are synced together; each holds a descriptor
constexpr off_t kBatchBytes = off_t{256} << 20;
constexpr size_t kFewest = 4;  // fewer are synced one by one

using sys::Result;
using sys::Status;

Status failure(int error, const std::string &what) {
  return Status::failure(error, "cannot " + what + ": " + std::strerror(error) +
                                    "; mend that and run delta apply again, which goes on where it stopped");
}

// Nothing was done yet.
Status unreadable(int error, const std::string &what) {
  return Status::failure(error, "cannot " + what + ": " + std::strerror(error) +
                                    "; run it as the user whose files they are, or as root");
}

Status sync_file_system(int directory) {
  sys::Fd fd(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return fd && syncfs(fd.get()) == 0 ? Status() : sys::errno_status();
}

// Of the base, at this moment.
std::optional<struct stat> look(int base, const std::string &path) {
  Result<sys::Fd> directory = sys::open_dir_beneath(base, parent_of(path));
  struct stat info {};
  bool found =
      directory.ok() && fstatat(directory->get(), name_at_parent(path), &info, AT_SYMLINK_NOFOLLOW) == 0;
  return found ? std::optional(info) : std::nullopt;
}

// From the journal on disk to its end.
class Execution {
 public:
  Execution(const ApplyRequest &request, Journal journal, bool resumed, ApplyReport &report)
      : request_(request), journal_(std::move(journal)), resumed_(resumed), report_(report) {}

  Status run() {
    if (journal_.base_done) {
      for (size_t index : journal_.skipped)
        report_.missed.push_back(
            {journal_.steps[index].path, "it was missed before the apply was cut short"});
    }
    Status status = journal_.base_done ? Status() : change_base();
    if (status.ok()) status = release();
    if (status.ok() && resumed_) report_.finished = finished_changes(journal_);
    return status;
  }

 private:
  void pause() const {
    if (request_.pause) request_.pause();
  }

  Status change_base() {
    StepRunner runner(request_.store->upper.get(), request_.base, journal_, resumed_, [this] { pause(); });
    if (resumed_) runner.remove_temporaries();
    journal_.skipped.clear();
    size_t prepared = 0;  // steps before this one need no preparation any more
    for (size_t i = 0; i < journal_.steps.size(); ++i) {
      if (i == prepared) {
        Result<size_t> end = prepare_batch(runner, i);
        if (!end.ok()) return end.status();
        prepared = *end;
      }
      Result<StepResult> result = runner.run(i);
      if (!result.ok()) {
        runner.remove_temporaries();
        return result.status();
      }
      if (!result->done) {
        journal_.skipped.push_back(i);
        report_.missed.push_back({journal_.steps[i].path, result->why});
      }
      if (request_.progress) request_.progress(i + 1, journal_.steps.size());
    }
    pause();
    if (Status status = sync_file_system(request_.base); !status.ok())
      return failure(status.error(), "sync the base");
    journal_.base_done = true;
    pause();
    return write_journal(request_.store->meta.get(), journal_);
  }

  // Files are made many at a time and synced together, before the first of them gets its name: one sync for each of
  // them took most of the time. Where the batch from `first` ends.
  Result<size_t> prepare_batch(StepRunner &runner, size_t first) {
    size_t end = first;
    off_t bytes = 0;
    while (end < journal_.steps.size() && journal_.steps[end].kind == StepKind::put && end - first < kBatch &&
           bytes < kBatchBytes) {
      const Step &step = journal_.steps[end++];
      bytes += step.after ? step.after->size : 0;
    }
    if (end - first < kFewest) return std::max(end, first + 1);
    for (size_t i = first; i < end; ++i) runner.prepare(i);
    pause();
    Status status = sync_file_system(request_.base);
    return status.ok() ? Result(end) : failure(status.error(), "sync the base");
  }

  // The delta lets go of what the base has, and of what it gives up.
  Status release() {
    std::set<std::string> paths(journal_.dropped.begin(), journal_.dropped.end());
    std::unordered_set<std::string> skipped;
    for (size_t index : journal_.skipped) skipped.insert(journal_.steps[index].path);
    std::set<std::string> settled;  // directories of the base that have the time of the upper layer's
    for (const Step &step : journal_.steps) {
      if (skipped.count(step.path) != 0) continue;
      bool times = step.kind == StepKind::directory_times;
      if (!times) paths.insert(step.path);
      if (times || step.kind == StepKind::directory_attributes) settled.insert(step.path);
    }
    pause();
    Result<std::set<std::string>> remaining =
        uncover({request_.store, request_.base, paths, std::move(settled), [this] { pause(); }});
    if (!remaining.ok()) return remaining.status();
    if (Status status = sync_file_system(request_.store->upper.get()); !status.ok()) {
      return failure(status.error(), "sync the delta");
    }
    pause();
    if (Status status = update_origins(paths, *remaining); !status.ok()) {
      return failure(status.error(), "write the delta's meta/origins");
    }
    pause();
    Status status = remove_journal(request_.store->meta.get());
    return status.ok() ? status : failure(status.error(), "remove the delta's meta/journal");
  }

  Status update_origins(const std::set<std::string> &released, const std::set<std::string> &remaining) {
    Result<Origins> origins = read_origins(request_.store->meta.get());
    if (!origins.ok()) return origins.status();
    std::unordered_set<uint64_t> touched;  // numbers of base files that lost or got a name
    std::unordered_set<std::string> linked;
    for (const Step &step : journal_.steps) {
      if (step.before) touched.insert(step.before->ino);
      if (step.kind == StepKind::link) linked.insert(step.other);
    }
    for (const std::string &path : released) {
      std::optional<struct stat> now = remaining.count(path) != 0 ? look(request_.base, path) : std::nullopt;
      if (now) {
        (*origins)[path] = origin_from(*now);
      } else {
        origins->erase(path);
      }
    }
    // A name more or less moves the ctime of the other names' file.
    for (auto &[path, origin] : *origins) {
      if (touched.count(origin.ino) == 0 && linked.count(path) == 0) continue;
      std::optional<struct stat> now = look(request_.base, path);
      Origin aged = origin;
      if (now) aged.ctime = now->st_ctim;
      if (now && same_as(aged, *now)) origin = aged;
    }
    return write_origins(request_.store->meta.get(), *origins);
  }

  const ApplyRequest &request_;
  Journal journal_;
  const bool resumed_;
  ApplyReport &report_;
};

// The policy is asked again of a journal: it may be of another table, or of another hand.
Status check_policy(const Journal &journal, const table::Table &table) {
  auto refuse = [&](const std::string &path) {
    return may_write(table, path)
               ? Status()
               : Status::failure(EACCES, "the apply that was cut short would write " + quote_path(path) +
                                             ", which the policy does not let the sandbox write; "
                                             "run it again with the table that it began with: "
                                             "--table");
  };
  for (const Step &step : journal.steps) {
    if (step.kind == StepKind::directory_times) continue;
    if (Status status = refuse(step.path); !status.ok()) return status;
    if (step.other.empty()) continue;
    if (Status status = refuse(step.other); !status.ok()) return status;
  }
  return {};
}

Status finish_earlier(const ApplyRequest &request, ApplyReport &report) {
  Result<std::optional<Journal>> journal = read_journal(request.store->meta.get());
  if (!journal.ok()) return journal.status();
  if (!*journal) return {};
  if (request.dry_run) {
    return Status::failure(EBUSY,
                           "cannot plan for this delta: " + unsettled().message() + ", without --dry-run");
  }
  if (Status status = check_policy(**journal, *request.table); !status.ok()) return status;
  report.resumed = true;
  return Execution(request, std::move(**journal), /*resumed=*/true, report).run();
}

void find_copied_from_here(const ApplyRequest &request, PlanInput &input) {
  auto look_at = [&](const std::string &path, const struct stat &before, const struct stat &after) {
    if (!S_ISREG(before.st_mode) || !S_ISREG(after.st_mode)) return;
    Result<sys::Fd> directory = sys::open_dir_beneath(request.store->upper.get(), parent_of(path));
    if (directory.ok() && origin_of(directory->get(), name_of(path)) == before.st_ino)
      input.copied_from_here.insert(path);
  };
  for (const Change &change : input.changes) {
    if (change.kind == ChangeKind::metadata) look_at(change.path, *change.before, *change.after);
  }
  for (const Copy &copy : input.copies) look_at(copy.path, copy.before, copy.after);
}

Result<Plan> plan_anew(const ApplyRequest &request) {
  PlanInput input;
  Result<std::vector<Change>> changes = list_changes(*request.store, request.base);
  if (!changes.ok()) return changes.status();
  input.changes = std::move(*changes);
  Result<Origins> origins = read_origins(request.store->meta.get());
  if (!origins.ok()) return unreadable(origins.error(), "read the delta's meta/origins");
  input.origins = std::move(*origins);
  bool any_links = std::any_of(input.changes.begin(), input.changes.end(), [](const Change &change) {
    return change.after && !S_ISDIR(change.after->st_mode) && change.after->st_nlink > 1;
  });
  if (any_links) {
    Result<Links> links = find_links(request.store->upper.get());
    if (!links.ok()) return unreadable(links.error(), "look through the delta");
    input.links = std::move(*links);
  }
  std::unordered_set<std::string> changed;
  for (const Change &change : input.changes) changed.insert(change.path);
  Result<std::vector<Copy>> copies = find_copies(request.store->upper.get(), request.base, changed);
  if (!copies.ok()) return unreadable(copies.error(), "look through the delta");
  input.copies = std::move(*copies);
  find_copied_from_here(request, input);
  input.table = request.table;
  input.paths = request.paths;
  input.side = request.side;
  return make_plan(std::move(input));
}

// Before there is a journal, which would keep views off the delta.
Status check_writable(int base) {
  struct statvfs info {};
  if (fstatvfs(base, &info) != 0 || (info.f_flag & ST_RDONLY) == 0) return {};
  return Status::failure(
      EROFS, "nothing was applied, as the base is mounted read-only; mount it for writing, and run it again");
}

}  // namespace

Result<ApplyReport> apply(const ApplyRequest &request) {
  ApplyReport report;
  if (Status status = finish_earlier(request, report); !status.ok()) return status;
  Result<Plan> plan = plan_anew(request);
  if (!plan.ok()) return plan.status();
  report.plan = std::move(*plan);
  bool idle = report.plan.steps.empty() && report.plan.dropped.empty();
  if (report.plan.stopped || request.dry_run || idle) return report;

  if (Status status = check_writable(request.base); !status.ok()) return status;
  Result<Journal> journal = new_journal();
  if (!journal.ok()) return journal.status();
  journal->steps = report.plan.steps;
  journal->dropped = report.plan.dropped;
  if (request.pause) request.pause();
  if (Status status = write_journal(request.store->meta.get(), *journal); !status.ok()) return status;
  // From here on the base is changed.
  Status status = Execution(request, std::move(*journal), /*resumed=*/false, report).run();
  return status.ok() ? Result(std::move(report)) : status;
}

}  // namespace agentfense::delta
