#include "tests/delta/lockstep.h"

#include <map>
#include <memory>

#include "tests/delta/side.h"
#include "tests/delta/tree.h"

namespace agentfense::testing {
namespace {

constexpr long kPathsLast = 25;  // operations for which the list of paths is good enough

bool is_error(const std::string &answer) { return answer[0] == 'E'; }

class Lockstep {
 public:
  Lockstep(const LockstepRequest &request, bool (*remount)()) : request_(request), remount_(remount) {
    open();
  }
  ~Lockstep() { close(); }
  Lockstep(const Lockstep &) = delete;
  Lockstep &operator=(const Lockstep &) = delete;

  // What differs.
  std::string step(const Op &op) {
    if (op.words[0] == "check") return compare_trees();
    if (op.words[0] == "remount") return do_remount();
    const std::string right = execute(op, right_);
    if (request_.may_cross && op.words[0] == "rename" && right == "EXDEV") {
      ++crossed;
      return {};
    }
    const std::string left = execute(op, left_);
    if (left != right) return "left " + left + ", right " + right;
    if (!is_error(left)) ++succeeded;
    return {};
  }

  std::vector<std::string> paths() {
    std::vector<std::string> result;
    for (const auto &[path, identity] : read_identities(request_.left)) result.push_back(path);
    if (request_.style.hidden_names)
      result.insert(result.end(), {"hid", "hid/a", "a/hid", "x.key/a", "vault/a", "vault/b"});
    return result;
  }

  long succeeded = 0;
  long crossed = 0;

 private:
  void open() {
    left_ = open_side(request_.left, request_.exact);
    right_ = open_side(request_.right, request_.exact);
  }
  void close() {
    close_side(left_);
    close_side(right_);
  }

  std::string do_remount() {
    close();
    const bool good = remount_();
    open();
    return good ? compare_trees() : "not the same after unmounting, see above";
  }

  std::string compare_trees() {
    const Detail detail = request_.exact ? Detail::exact : Detail::seen;
    std::string difference =
        first_difference(read_tree(request_.left, detail), read_tree(request_.right, detail));
    if (difference.empty() && request_.identities) difference = compare_identities();
    return difference.empty() ? "" : "tree: " + difference;
  }

  // Names of one file on the left are names of one file on the right, and a file that has stayed has kept its
  // number.
  std::string compare_identities() {
    const Identities left = read_identities(request_.left);
    const Identities right = read_identities(request_.right);
    std::map<uint64_t, uint64_t> to_right;
    std::map<uint64_t, uint64_t> to_left;
    for (const auto &[path, mine] : left) {
      const auto its = right.find(path);
      if (its == right.end()) return escape(path) + ": gone between two looks";
      if (to_right.try_emplace(mine.ino, its->second.ino).first->second != its->second.ino)
        return escape(path) + ": names of one file are names of two on the right";
      if (to_left.try_emplace(its->second.ino, mine.ino).first->second != mine.ino)
        return escape(path) + ": names of two files are names of one on the right";
      const auto before = left_before_.find(path);
      if (before == left_before_.end() || before->second != mine || !mine.lasting || request_.exact) continue;
      if (right_before_.at(path).ino != its->second.ino) {
        return escape(path) + ": its number was " + std::to_string(right_before_.at(path).ino) + " and is " +
               std::to_string(its->second.ino);
      }
    }
    left_before_ = left;
    right_before_ = right;
    return {};
  }

  const LockstepRequest &request_;
  bool (*const remount_)();
  Side left_;
  Side right_;
  Identities left_before_;
  Identities right_before_;
};

}  // namespace

LockstepResult run_lockstep(const LockstepRequest &request, bool (*remount)()) {
  Lockstep lockstep(request, remount);
  LockstepResult result;
  const auto take = [&](const Op &op) {
    result.done.push_back(op);
    result.difference = lockstep.step(op);
    return result.difference.empty();
  };
  const auto take_all = [&] {
    if (!take({0, {"check"}})) return;
    if (request.script) {
      for (const Op &op : *request.script) {
        if (!take(op)) return;
      }
    } else {
      Generator generator(request.seed, request.style);
      std::vector<std::string> paths;
      for (long i = 0; i < request.count; ++i) {
        if (i % kPathsLast == 0) paths = lockstep.paths();
        if (!take(generator.next(paths))) return;
        if (request.every != 0 && (i + 1) % request.every == 0 && !take({0, {"remount"}})) return;
      }
    }
    if (take({0, {"check"}})) take({0, {"remount"}});
  };
  take_all();
  result.succeeded = lockstep.succeeded;
  result.crossed = lockstep.crossed;
  return result;
}

}  // namespace agentfense::testing
