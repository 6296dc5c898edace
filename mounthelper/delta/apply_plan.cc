#include "mounthelper/delta/apply_plan.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "mounthelper/delta/paths.h"
#include "mounthelper/delta/quote_path.h"

namespace agentfense::delta {
namespace {

// A directory that the base does not have as one.
bool makes_directory(const Change &change) {
  return is_directory(change.after) && change.kind != ChangeKind::metadata;
}

// A directory of the base that is to give way, or nothing.
const std::string *leaves_directory(const Change &change) {
  if (!is_directory(change.before)) return nullptr;
  if (change.kind == ChangeKind::deleted) return &change.path;
  if (change.kind == ChangeKind::renamed) return &change.from;
  return change.kind == ChangeKind::added && !is_directory(change.after) ? &change.path : nullptr;
}

bool is_device(const std::optional<struct stat> &info) {
  return info && (S_ISCHR(info->st_mode) || S_ISBLK(info->st_mode));
}

class Planner {
 public:
  explicit Planner(PlanInput input) : input_(std::move(input)) {}

  Plan run() {
    for (Change &change : input_.changes) {
      bool chosen = any_covers(input_.paths, change.path) ||
                    (change.kind == ChangeKind::renamed && any_covers(input_.paths, change.from));
      plan_.items.push_back({std::move(change), chosen ? Fate::applied : Fate::left_out, "", false});
      by_path_.emplace(plan_.items.back().change.path, plan_.items.size() - 1);
    }
    if (!input_.paths.empty()) take_directories_along();
    ask_policy();
    find_conflicts();
    follow_directories();
    keep_what_is_not_empty();
    plan_.stopped = std::any_of(plan_.items.begin(), plan_.items.end(),
                                [](const Planned &item) { return item.fate == Fate::conflict; });
    if (plan_.stopped) return std::move(plan_);
    for (const Planned &item : plan_.items) {
      if (item.fate != Fate::dropped) continue;
      plan_.dropped.push_back(item.change.path);
      if (item.change.kind == ChangeKind::renamed) plan_.dropped.push_back(item.change.from);
    }
    plan_.steps = make_steps(input_, plan_.items);
    for (const Copy &copy : input_.copies) {
      if (input_.paths.empty() && gives_way(copy)) plan_.dropped.push_back(copy.path);
    }
    return std::move(plan_);
  }

 private:
  // A copy of another time than the base's file goes where make_steps gives the base that time.
  bool gives_way(const Copy &copy) const {
    return same_time(copy) || (S_ISDIR(copy.after.st_mode) && may_write(*input_.table, copy.path));
  }

  void take_directories_along() {
    for (size_t i = plan_.items.size(); i-- > 0;) {  // so that a directory's own directory comes later
      const Planned &item = plan_.items[i];
      if (item.fate != Fate::applied || !item.change.after || item.change.path.empty()) continue;
      auto above = by_path_.find(std::string(parent_of(item.change.path)));
      if (above != by_path_.end() && makes_directory(plan_.items[above->second].change)) {
        plan_.items[above->second].fate = Fate::applied;
      }
    }
  }

  void ask_policy() {
    for (Planned &item : plan_.items) {
      if (item.fate != Fate::applied) continue;
      const Change &change = item.change;
      if (!may_write(*input_.table, change.path)) {
        refuse(item, "the policy does not let it be written");
      } else if (change.kind == ChangeKind::renamed && !may_write(*input_.table, change.from)) {
        refuse(item, "the policy does not let its old place be written");
      } else if (is_device(change.after)) {
        refuse(item, "it is a device");
      }
    }
  }

  void find_conflicts() {
    for (Planned &item : plan_.items) {
      if (item.fate != Fate::applied || input_.side == Side::ours) continue;
      const Change &change = item.change;
      bool moved = change.kind == ChangeKind::renamed;
      std::string why = conflict_at(change.path, moved ? std::nullopt : change.before);
      if (why.empty() && moved) why = conflict_at(change.from, change.before);
      if (why.empty()) continue;
      item.fate = input_.side == Side::theirs ? Fate::dropped : Fate::conflict;
      item.why = why;
    }
  }

  std::string conflict_at(const std::string &path, const std::optional<struct stat> &now) const {
    auto line = input_.origins.find(path);
    if (line == input_.origins.end()) return now ? "the base has got it meanwhile" : "";
    if (!now) return "the base has lost it meanwhile";
    return same_as(line->second, *now) ? "" : "the base's was changed meanwhile";
  }

  // What is in a new directory goes with it.
  void follow_directories() {
    for (Planned &item : plan_.items) {
      if ((item.fate != Fate::applied && item.fate != Fate::refused) || !item.change.after) continue;
      auto above = by_path_.find(std::string(parent_of(item.change.path)));
      if (item.change.path.empty() || above == by_path_.end()) continue;
      const Planned &directory = plan_.items[above->second];
      if (!makes_directory(directory.change)) continue;
      if (directory.fate == Fate::refused && item.fate == Fate::applied) {
        refuse(item, "its directory is refused");
      } else if (directory.fate == Fate::dropped) {
        item.fate = Fate::dropped;
        item.why = "its directory is given up";
      }
    }
  }

  // From the deepest: a directory of the base gives way only where all that it holds does.
  void keep_what_is_not_empty() {
    std::vector<std::pair<std::string, size_t>> leaving;
    for (size_t i = 0; i < plan_.items.size(); ++i) {
      const Change &change = plan_.items[i].change;
      bool goes = plan_.items[i].fate == Fate::applied || plan_.items[i].fate == Fate::conflict;
      bool was_in_base = change.kind == ChangeKind::deleted || change.kind == ChangeKind::renamed;
      const std::string &old_place = change.kind == ChangeKind::renamed ? change.from : change.path;
      if (was_in_base && !goes) keep_above(old_place, plan_.items[i].fate);
      if (leaves_directory(change) != nullptr) leaving.emplace_back(*leaves_directory(change), i);
    }
    std::sort(leaving.rbegin(), leaving.rend());
    for (auto &[path, index] : leaving) {
      auto kept = keeps_.find(path);
      Planned &item = plan_.items[index];
      if (kept == keeps_.end() || item.fate != Fate::applied) continue;
      const auto &[what, fate] = kept->second;
      item.why = "it holds " + quote_path(what) + ", which stays";
      if (item.change.kind == ChangeKind::renamed) {
        item.keeps_from = true;
        continue;
      }
      item.fate = fate == Fate::dropped ? Fate::dropped : Fate::refused;
      if (fate == Fate::left_out && item.change.kind == ChangeKind::deleted) item.fate = Fate::left_out;
    }
  }

  void keep_above(const std::string &path, Fate fate) {
    for (std::string_view above = path; !above.empty();) {
      above = parent_of(above);
      auto [kept, fresh] = keeps_.try_emplace(std::string(above), path, fate);
      if (!fresh && kept->second.second == Fate::dropped) return;
      if (!fresh && fate != Fate::dropped) return;
      kept->second = {path, fate};  // a file that the delta gives up must show
    }
  }

  static void refuse(Planned &item, const char *why) {
    item.fate = Fate::refused;
    item.why = why;
  }

  PlanInput input_;
  Plan plan_;
  std::unordered_map<std::string, size_t> by_path_;
  std::unordered_map<std::string, std::pair<std::string, Fate>> keeps_;  // directory -> what stays in it
};

}  // namespace

Plan make_plan(PlanInput input) { return Planner(std::move(input)).run(); }

}  // namespace agentfense::delta
