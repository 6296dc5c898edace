// Renaming under a delta. A file is copied up and moved in the upper layer. A directory that shows the base's content
// has no move in the upper layer's format (the kernel follows no redirect under userxattr): it is completed there
// first, all that shows of it being copied up, which changes nothing of what is shown; past a bound the answer is
// EXDEV, on which mv(1) copies through the view.
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <unistd.h>

#include "mounthelper/delta/names.h"
#include "mounthelper/fuse/delta_names.h"
#include "mounthelper/view/decide.h"
#include "mounthelper/view/listing.h"

namespace agentfense::fuse {
namespace {

using sys::Result;
using sys::Status;
using view::Layering;
using view::NodeId;

// What one rename(2) copies at most. Other requests wait meanwhile, so it is about a second's work.
constexpr size_t kMostEntries = 16 * 1024;
constexpr int64_t kMostBytes = int64_t{256} << 20;
constexpr int kDeepest = 200;

bool is_pure(const Seen &seen) { return seen.layering.in_upper() && !seen.layering.in_base(); }

// Names that the policy shows, by its word alone or because they are directories.
bool shows(const table::Table &table, table::StateId state, std::string_view name, bool is_directory) {
  view::Shown shown = view::shown(table, state, name);
  return shown == view::Shown::yes || (shown == view::Shown::if_directory && is_directory);
}

}  // namespace

// The walk over what a directory shows of the base.
class DeltaNames::BringUp {
 public:
  explicit BringUp(DeltaNames &names) : names_(names), view_(names.view_) {}

  // EXDEV past the bound; nothing is changed.
  Status measure(const Directory &parent, const char *name, table::StateId state, int depth = 0) {
    Result<Seen> seen = names_.look_in(parent, name);
    if (!seen.ok()) return seen.error() == ENOENT ? Status() : seen.status();
    if (is_pure(*seen)) return {};
    bool is_directory = S_ISDIR(seen->info.st_mode);
    if (!seen->layering.in_upper()) {
      ++entries_;
      if (!is_directory) bytes_ += seen->info.st_blocks * 512;
    }
    if (entries_ > kMostEntries || bytes_ > kMostBytes || depth > kDeepest) return Status::failure(EXDEV);
    if (!is_directory) return {};
    Result<Directory> child = open_parts(parent, name, *seen);
    if (!child.ok()) return child.status();
    return for_each(*child, state, [&](const char *entry, table::StateId below) {
      return measure(*child, entry, below, depth + 1);
    });
  }

  // node: the entry's, 0 where the kernel does not know it. path: its own.
  Status copy(const Directory &parent, const char *name, const std::string &path, NodeId node,
              table::StateId state) {
    Result<Seen> seen = names_.look_in(parent, name);
    if (!seen.ok()) return seen.error() == ENOENT ? Status() : seen.status();
    if (is_pure(*seen)) return {};
    delta::MergedDir above = parent.merged();
    if (!seen->layering.in_upper()) {
      if (Status status = copy_one(above, name, path, node, seen->info); !status.ok()) return status;
      if (!S_ISDIR(seen->info.st_mode)) return {};
    }
    seen->layering.layers = Layering::kBase | Layering::kUpper;
    Result<Directory> child = open_parts(parent, name, *seen);
    if (!child.ok()) return child.status();
    Status status = for_each(*child, state, [&](const char *entry, table::StateId below) {
      return copy(*child, entry, path + "/" + entry, find(node, entry), below);
    });
    if (status.ok()) status = delta::close_off(above.upper, name);
    if (!status.ok()) return status;
    struct stat info {};
    if (fstat(child->merged().upper, &info) != 0) return sys::errno_status();
    note(node, info, number_of(node));
    return {};
  }

  [[nodiscard]] int64_t bytes() const { return bytes_; }

 private:
  static Result<Directory> open_parts(const Directory &parent, const char *name, const Seen &seen) {
    Directory child;
    delta::MergedDir above = parent.merged();
    if (seen.layering.in_upper()) {
      Result<FileRef> upper = open_child_directory(above.upper, name);
      if (!upper.ok()) return upper.status();
      child.refs.upper = *upper;
    }
    if (seen.layering.in_base()) {
      Result<FileRef> base = open_child_directory(above.base, name);
      if (!base.ok()) return base.status();
      child.refs.base = *base;
    }
    return child;
  }

  template <class Each>
  Status for_each(const Directory &directory, table::StateId state, const Each &each) {
    std::vector<std::string> names;
    auto wanted = [&](std::string_view name) { return shows(view_.table, state, name, true); };
    Status status = delta::list(directory.merged(), view_.root_device, wanted,
                                [&](const sys::RawEntry &entry) { names.emplace_back(entry.name); });
    for (size_t i = 0; i < names.size() && status.ok(); ++i) {
      Result<Seen> seen = names_.look_in(directory, names[i].c_str());
      if (!seen.ok() && seen.error() != ENOENT) return seen.status();  // left out, it would be lost
      if (!seen.ok() || !shows(view_.table, state, names[i], S_ISDIR(seen->info.st_mode))) continue;
      status = each(names[i].c_str(), view_.table.step(state, names[i]));
    }
    return status;
  }

  Status copy_one(const delta::MergedDir &above, const char *name, const std::string &path, NodeId node,
                  const struct stat &info) {
    delta::CopyRequest request = names_.request_for(info);
    request.base_directory = above.base;
    request.name = name;
    request.sync = false;  // once for all of them, at the end
    Result<delta::Copy> made = delta::copy_up(names_.work_, request);
    if (!made.ok()) return made.status();
    Status status = names_.origins_.record(path, info);
    if (status.ok()) status = made->place(above.upper, name);
    if (!status.ok()) return status;
    view_.usage.changed(delta::Usage::kEntry + made->info().st_blocks * 512);
    note(node, made->info(), request.number);
    return {};
  }

  [[nodiscard]] NodeId find(NodeId parent, const char *name) {
    std::lock_guard lock(view_.mutex);
    return parent == 0 ? 0 : view_.nodes.find(parent, name).value_or(0);
  }

  uint64_t number_of(NodeId node) {
    auto known = view_.node(node);
    return known ? known->layering.number : 0;
  }

  void note(NodeId node, const struct stat &info, uint64_t number) {
    if (node != 0) view_.files.replace(node, base_file(info), {Layering::kUpper, false, number}, nullptr);
  }

  DeltaNames &names_;
  View &view_;
  size_t entries_ = 0;
  int64_t bytes_ = 0;
};

Status DeltaNames::prepare_to_move(const Target &target, const Seen &seen) {
  if (is_pure(seen)) return prepare(target.parent, kWhole);
  std::optional<NodeId> node = known(view_, target);
  if (!S_ISDIR(seen.info.st_mode)) return node ? prepare(*node, kWhole) : Status::failure(ESTALE);
  if (Status status = prepare(target.parent, kWhole); !status.ok()) return status;
  std::lock_guard lock(tree_);
  Result<Directory> parent = open(target.parent);
  if (!parent.ok()) return parent.status();
  BringUp walk(*this);
  Status status = walk.measure(*parent, target.name, target.standing.state);
  if (!status.ok()) return status;
  if (Status room = view_.usage.room_for(static_cast<uint64_t>(walk.bytes())); !room.ok()) return room;
  status = walk.copy(*parent, target.name, path_of(target.parent, target.name), node.value_or(0),
                     target.standing.state);
  if (!status.ok() || view_.options.delta_volatile) return status;
  sys::Fd upper(openat(view_.files.root(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return upper && syncfs(upper.get()) == 0 ? Status() : sys::errno_status();
}

// What rename(2) itself asks of a target that is to be replaced.
Status DeltaNames::check_replaced(const Directory &directory, const Target &to, const Seen &source,
                                  const Seen &target) {
  bool moves_directory = S_ISDIR(source.info.st_mode);
  bool replaces_directory = S_ISDIR(target.info.st_mode);
  if (moves_directory && !replaces_directory) return Status::failure(ENOTDIR);
  if (!moves_directory && replaces_directory) return Status::failure(EISDIR);
  return replaces_directory ? check_empty(directory, to, target) : Status();
}

Status DeltaNames::rename(fuse_req_t, const Target &from, const Target &to, unsigned flags) {
  bool exchange = (flags & RENAME_EXCHANGE) != 0;
  Result<Seen> source = look(from.parent, from.name);
  if (!source.ok()) return source.status();
  if (Status status = prepare_to_move(from, *source); !status.ok()) return status;
  Result<Seen> target = look(to.parent, to.name);
  if (exchange && !target.ok()) return target.status();
  Status ready = exchange ? prepare_to_move(to, *target) : prepare(to.parent, kWhole);
  if (!ready.ok()) return ready;

  std::lock_guard lock(tree_);
  Result<Directory> from_directory = open(from.parent);
  if (!from_directory.ok()) return from_directory.status();
  Result<Directory> to_directory = open(to.parent);
  if (!to_directory.ok()) return to_directory.status();
  source = look_in(*from_directory, from.name);
  if (!source.ok()) return source.status();
  target = look_in(*to_directory, to.name);
  if (!target.ok() && target.error() != ENOENT) return target.status();
  if (!is_pure(*source) || (exchange && (!target.ok() || !is_pure(*target)))) return Status::failure(ESTALE);

  FileRef held;
  std::optional<NodeId> replaced;
  if (!exchange && target.ok()) {
    Status status = check_replaced(*to_directory, to, *source, *target);
    if (status.ok() && !target->layering.in_upper()) status = record(to.parent, to.name, target->info);
    if (!status.ok()) return status;
    replaced = known(view_, to);
    held = hold(to, *to_directory, *target);
  }
  Status status = delta::rename_name(from_directory->merged(), from.name, to_directory->merged(), to.name,
                                     exchange ? RENAME_EXCHANGE : 0, work_);
  if (!status.ok()) return status;
  if (replaced) view_.files.keep(*replaced, std::move(held));
  renamed(view_, from, to, exchange);
  return {};
}

}  // namespace agentfense::fuse
