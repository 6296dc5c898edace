// One step of an apply, done to the base. Made for apply.cc.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "mounthelper/delta/compare.h"
#include "mounthelper/delta/journal.h"
#include "mounthelper/sys/fd.h"
#include "mounthelper/sys/status.h"

namespace agentfense::delta {

// A step that found something else in the base, or in the delta, than was planned does nothing.
struct StepResult {
  bool done = true;
  std::string why;  // a clause, where it is not done
};

// Each step can be redone: it finds by itself that it was done, or half of it. A file appears in the base whole:
// made under a temporary name in the same directory, its owner's alone until it is renamed, synced, then renamed. Paths are walked from the roots at each
// step, following no symlink, and what is replaced or removed is looked at right before.
class StepRunner {
 public:
  // Handles of both roots, and the journal: not owned. resumed: some steps may have been done by another process.
  // pause: called between any two changes of the base.
  StepRunner(int upper, int base, const Journal &journal, bool resumed, std::function<void()> pause)
      : upper_(upper), base_(base), journal_(journal), resumed_(resumed), pause_(std::move(pause)) {}

  // Those of a process that was killed.
  void remove_temporaries() const;

  // Makes the temporary of a `put`, unsynced, where run() would: run() then only renames it. The caller syncs in
  // between. Whatever is in the way is for run() to find.
  void prepare(size_t index);

  // A failure is one that the next step would meet as well: no room, no permission, a disk that fails.
  [[nodiscard]] sys::Result<StepResult> run(size_t index);

 private:
  [[nodiscard]] sys::Result<StepResult> dispatch(size_t index);
  [[nodiscard]] sys::Result<StepResult> make_directory(const Step &step);
  [[nodiscard]] sys::Result<StepResult> put(size_t index);
  [[nodiscard]] sys::Result<StepResult> put_prepared(size_t index);
  [[nodiscard]] sys::Result<StepResult> link(size_t index);
  [[nodiscard]] sys::Result<StepResult> set_attributes(const Step &step);
  [[nodiscard]] sys::Result<StepResult> remove(const Step &step);
  [[nodiscard]] sys::Result<StepResult> directory_attributes(const Step &step, bool times_alone);
  [[nodiscard]] sys::Result<StepResult> move_in(const Step &step, int directory, const char *temporary,
                                                const FileAt *upper);
  // The base has what the plan saw there; where nothing was done yet, mode and ctime too.
  [[nodiscard]] bool is_before(const Step &step, const std::optional<struct stat> &now) const;
  [[nodiscard]] bool is_as_planned(const Step &step, const std::optional<struct stat> &base) const;
  void pause() const {
    if (pause_) pause_();
  }

  const int upper_;
  const int base_;
  const Journal &journal_;
  const bool resumed_;
  const std::function<void()> pause_;
  std::unordered_set<std::string> skipped_;       // paths
  std::unordered_set<uint64_t> moved_ctimes_;     // numbers of base files that lost or got a name by our hand
  std::unordered_map<size_t, sys::Fd> prepared_;  // step -> the directory that holds its temporary
};

}  // namespace agentfense::delta
