// The order of an apply's steps:
//   1. what comes or changes: directories first, each before what is in it, then whole files, which are synced many at
//      a time, then further names of files and attributes, all in the order of paths;
//   2. the same where a directory of the base gives way to something else: first what was in it, from the deepest;
//   3. what goes, from the deepest: no file is removed before it is at its new place;
//   4. attributes and times of directories, from the deepest, when nothing is made in them any more.
#include <algorithm>
#include <iterator>
#include <set>
#include <unordered_set>

#include "mounthelper/delta/apply_plan.h"
#include "mounthelper/delta/paths.h"

namespace agentfense::delta {
namespace {

std::optional<FileMark> mark(const std::optional<struct stat> &info) {
  return info ? std::optional(mark_of(*info)) : std::nullopt;
}

class Order {
 public:
  Order(const PlanInput &input, const std::vector<Planned> &items) : input_(input), items_(items) {
    for (const Planned &item : items) changed_.insert(item.change.path);
    for (const Copy &copy : input.copies) {
      if (!same_time(copy)) changed_.insert(copy.path);
    }
  }

  std::vector<Step> run() {
    collect_removals();
    for (const Copy &copy : input_.copies) {
      if (input_.paths.empty()) take_times(copy);
    }
    std::vector<const Change *> late;
    for (const Planned &item : items_) {
      const Change &change = item.change;
      if (item.fate != Fate::applied || !change.after) continue;
      if (is_directory(change.before) && !is_directory(change.after)) {
        late.push_back(&change);
      } else {
        bring(change);
      }
    }
    settle_first();
    for (const Change *change : late) {
      remove_below(change->path);
      bring(*change);
      settle_first();
    }
    while (!removals_.empty()) take_removal(std::prev(removals_.end()));
    finish_directories();
    return std::move(steps_);
  }

 private:
  struct Removal {
    std::string path;
    std::string moved_to;
    std::optional<FileMark> before;
    bool operator<(const Removal &other) const { return path < other.path; }
  };

  // In stage 1: what bring() made so far, sorted by kind.
  void settle_first() {
    auto rank = [](StepKind kind) {
      if (kind == StepKind::make_directory || kind == StepKind::directory_attributes) return 0;
      return kind == StepKind::put ? 1 : 2;
    };
    std::stable_sort(brought_.begin(), brought_.end(),
                     [&](const Step &a, const Step &b) { return rank(a.kind) < rank(b.kind); });
    std::move(brought_.begin(), brought_.end(), std::back_inserter(steps_));
    brought_.clear();
  }

  void collect_removals() {
    for (const Planned &item : items_) {
      const Change &change = item.change;
      if (item.fate != Fate::applied) continue;
      if (change.kind == ChangeKind::deleted) removals_.insert({change.path, "", mark(change.before)});
      if (change.kind == ChangeKind::renamed && !item.keeps_from) {
        removals_.insert({change.from, change.path, mark(change.before)});
      }
    }
  }

  void take_removal(std::set<Removal>::iterator at) {
    steps_.push_back({StepKind::remove, at->path, at->moved_to, at->before, std::nullopt});
    removals_.erase(at);
  }

  // A directory comes before what is in it, in this order too.
  void remove_below(const std::string &path) {
    std::string prefix = path + "/";
    for (;;) {
      auto end = removals_.lower_bound({path + char('/' + 1), "", std::nullopt});
      if (end == removals_.begin() || !std::prev(end)->path.starts_with(prefix)) return;
      take_removal(std::prev(end));
    }
  }

  void bring(const Change &change) {
    std::optional<FileMark> before = change.kind == ChangeKind::renamed ? std::nullopt : mark(change.before);
    std::optional<FileMark> after = mark(change.after);
    bool same_type = before && (before->mode & S_IFMT) == (after->mode & S_IFMT);
    if (is_directory(change.after)) {
      if (same_type) {
        // Already now where the owner may only then write in it.
        if ((after->mode & S_IWUSR) != 0)
          brought_.push_back({StepKind::directory_attributes, change.path, "", before, after});
      } else {
        brought_.push_back({StepKind::make_directory, change.path, "", before, after});
      }
      directories_.insert({change.path, before, after});
      return;
    }
    bool single =
        change.kind == ChangeKind::metadata && change.before->st_nlink == 1 && change.after->st_nlink == 1;
    if (single && input_.copied_from_here.count(change.path) != 0) {
      brought_.push_back({StepKind::set_attributes, change.path, "", before, after});
      return;
    }
    std::string first = first_name(change);
    StepKind kind = first.empty() ? StepKind::put : StepKind::link;
    brought_.push_back({kind, change.path, first, before, after});
    placed_.insert(change.path);
  }

  // A copy whose time alone differs: the base gets that time, and the copy can go.
  void take_times(const Copy &copy) {
    auto origin = input_.origins.find(copy.path);
    bool known = origin != input_.origins.end() && same_as(origin->second, copy.before);
    if (same_time(copy) || !known || !may_write(*input_.table, copy.path)) return;
    if (S_ISDIR(copy.after.st_mode)) {
      times_.insert(copy.path);
    } else {
      bring({ChangeKind::metadata, copy.path, "", copy.before, copy.after, false, true});
    }
  }

  // Another name of the same file that the base has by then: put by an earlier step, or unchanged in the delta.
  std::string first_name(const Change &change) const {
    auto names = change.after->st_nlink > 1 ? input_.links.find(change.after->st_ino) : input_.links.end();
    if (names == input_.links.end()) return "";
    for (const std::string &name : names->second) {
      if (name == change.path) continue;
      bool unchanged = changed_.count(name) == 0 && may_write(*input_.table, name);
      if (placed_.count(name) != 0 || unchanged) return name;
    }
    return "";
  }

  struct Directory {
    std::string path;
    std::optional<FileMark> before;
    std::optional<FileMark> after;
    bool operator<(const Directory &other) const { return path < other.path; }
  };

  // Those on the way to a step too: the upper layer's leave it with what is below them, and the view must not see it.
  void finish_directories() {
    std::set<std::string> &above = times_;
    for (const Step &step : steps_) {
      for (std::string_view path = step.path; !path.empty();) {
        path = parent_of(path);
        above.insert(std::string(path));
      }
    }
    for (const std::string &path : above)
      directories_.insert({path, std::nullopt, std::nullopt});  // not over others
    for (auto at = directories_.rbegin(); at != directories_.rend(); ++at) {
      StepKind kind = at->after ? StepKind::directory_attributes : StepKind::directory_times;
      steps_.push_back({kind, at->path, "", at->before, at->after});
    }
  }

  const PlanInput &input_;
  const std::vector<Planned> &items_;
  std::unordered_set<std::string> changed_;
  std::set<Removal> removals_;
  std::set<Directory> directories_;
  std::set<std::string> times_;  // directories that get times alone
  std::unordered_set<std::string> placed_;
  std::vector<Step> brought_;
  std::vector<Step> steps_;
};

}  // namespace

std::vector<Step> make_steps(const PlanInput &input, const std::vector<Planned> &items) {
  return Order(input, items).run();
}

}  // namespace agentfense::delta
