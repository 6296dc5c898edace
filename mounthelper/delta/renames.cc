#include "mounthelper/delta/renames.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "mounthelper/delta/compare.h"
#include "mounthelper/delta/paths.h"
#include "mounthelper/delta/quote_path.h"
#include "mounthelper/sys/beneath.h"

namespace agentfense::delta {
namespace {

using sys::Result;
using sys::Status;

bool same_type(const struct stat &a, const struct stat &b) {
  return (a.st_mode & S_IFMT) == (b.st_mode & S_IFMT);
}

class Matching {
 public:
  Matching(std::vector<Found> &found, const Origins &origins, int upper, int base)
      : found_(found), upper_(upper), base_(base) {
    for (size_t i = 0; i < found.size(); ++i) {
      if (found[i].change.kind == ChangeKind::deleted) deleted_.emplace(found[i].change.path, i);
    }
    for (const auto &[path, origin] : origins) {
      if (deleted_.count(path) != 0) paths_of_[origin.ino].push_back(path);
    }
    for (auto &[number, paths] : paths_of_) std::sort(paths.begin(), paths.end());
  }

  // Numbers first: they tell more than places do.
  Status run() {
    for (auto match : {&Matching::match_by_number, &Matching::match_by_place}) {
      for (Found &at : found_) {
        // A replaced file's place is taken in the base: what came there is an addition, as git has it.
        if (at.change.kind != ChangeKind::added || at.change.before) continue;
        if (Status status = (this->*match)(at); !status.ok()) return status;
      }
    }
    std::erase_if(found_, [&](const Found &at) {
      return at.change.kind == ChangeKind::deleted && deleted_.count(at.change.path) == 0;
    });
    return {};
  }

 private:
  Status match_by_number(Found &at) {
    auto paths = paths_of_.find(at.origin);
    if (paths == paths_of_.end()) return {};
    for (const std::string &path : paths->second) {
      auto from = deleted_.find(path);
      if (from == deleted_.end()) continue;
      const struct stat &before = *found_[from->second].change.before;
      if (!same_type(before, *at.change.after)) continue;
      return join(at, path, before, /*only_equal=*/false);
    }
    return {};
  }

  Status match_by_place(Found &at) {
    auto moved = moved_.find(std::string(parent_of(at.change.path)));
    if (moved == moved_.end() || S_ISDIR(at.change.after->st_mode)) return {};
    std::string path = moved->second + "/" + name_of(at.change.path);
    auto from = deleted_.find(path);
    if (from == deleted_.end()) return {};
    const struct stat &before = *found_[from->second].change.before;
    if (!same_type(before, *at.change.after)) return {};
    return join(at, path, before, /*only_equal=*/!S_ISREG(before.st_mode));
  }

  Status join(Found &at, const std::string &from, const struct stat &before, bool only_equal) {
    Change &change = at.change;
    Result<sys::Fd> old_parent = sys::open_dir_beneath(base_, parent_of(from));
    if (!old_parent.ok()) return failure(change, old_parent.error());
    Result<sys::Fd> new_parent = sys::open_dir_beneath(upper_, parent_of(change.path));
    if (!new_parent.ok()) return failure(change, new_parent.error());
    FileAt old_file{old_parent->get(), name_of(from), &before};
    FileAt new_file{new_parent->get(), name_of(change.path), &*change.after};
    Result<bool> same = same_content(old_file, new_file);
    if (!same.ok()) return failure(change, same.error());
    if (only_equal && !*same) return {};
    change.kind = ChangeKind::renamed;
    change.from = from;
    change.before = before;
    change.content_differs = !*same;
    change.attributes_differ = !same_attributes(old_file, new_file);
    if (S_ISDIR(before.st_mode)) moved_.emplace(change.path, from);
    deleted_.erase(from);
    return {};
  }

  // What vanished meanwhile stays an addition.
  static Status failure(const Change &change, int error) {
    if (error == ENOENT || error == ENOTDIR || error == ELOOP) return {};
    return Status::failure(error, "cannot compare " + quote_path(change.path) +
                                      " of the delta with the base: " + std::strerror(error) +
                                      "; run it as the user whose files they are, or as root");
  }

  std::vector<Found> &found_;
  const int upper_;
  const int base_;
  std::unordered_map<std::string, size_t> deleted_;                  // still free to be a `from`
  std::unordered_map<uint64_t, std::vector<std::string>> paths_of_;  // by origin number, deleted paths alone
  std::unordered_map<std::string, std::string> moved_;               // directories: now -> before
};

}  // namespace

Status match_renames(std::vector<Found> &found, const Origins &origins, int upper, int base) {
  return Matching(found, origins, upper, base).run();
}

}  // namespace agentfense::delta
