#include "mounthelper/delta/finished.h"

#include <map>
#include <unordered_set>

namespace agentfense::delta {
namespace {

ChangeKind kind_of(const Step &step) {
  if (step.kind == StepKind::remove) return ChangeKind::deleted;
  if (step.kind == StepKind::set_attributes || step.kind == StepKind::directory_attributes) {
    return ChangeKind::metadata;
  }
  bool same_type = step.before && step.after && (step.before->mode & S_IFMT) == (step.after->mode & S_IFMT);
  return same_type ? ChangeKind::changed : ChangeKind::added;
}

}  // namespace

std::vector<Finished> finished_changes(const Journal &journal) {
  std::unordered_set<std::string> skipped;
  for (size_t index : journal.skipped) skipped.insert(journal.steps[index].path);
  std::map<std::string, Finished> by_path;
  std::vector<const Step *> moves;
  for (const Step &step : journal.steps) {
    if (step.kind == StepKind::directory_times || skipped.count(step.path) != 0) continue;
    bool moved = step.kind == StepKind::remove && !step.other.empty() && skipped.count(step.other) == 0;
    if (moved) {
      moves.push_back(&step);
    } else {
      by_path.try_emplace(step.path, Finished{kind_of(step), step.path, ""});  // the first step says it
    }
  }
  for (const Step *step : moves) by_path[step->other] = {ChangeKind::renamed, step->other, step->path};
  std::vector<Finished> changes;
  for (auto &[path, change] : by_path) changes.push_back(std::move(change));
  return changes;
}

}  // namespace agentfense::delta
