#include "mounthelper/fuse/delta_names.h"

#include <fcntl.h>

#include "mounthelper/delta/names.h"
#include "mounthelper/fuse/caller.h"
#include "mounthelper/view/listing.h"

namespace agentfense::fuse {

using sys::Result;
using sys::Status;
using view::NodeId;

Result<std::unique_ptr<Names>> delta_names(View &view) {
  const delta::Store &store = *view.options.delta;
  Result<delta::OriginLog> origins =
      view.options.read_only ? delta::OriginLog::closed() : delta::OriginLog::open(store.meta.get());
  if (!origins.ok()) return origins.status();
  return std::unique_ptr<Names>(std::make_unique<DeltaNames>(view, store, std::move(*origins)));
}

Result<FileRef> open_child_directory(int parent, const char *name) {
  auto file = std::make_shared<OpenFile>();
  file->fd.reset(openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!file->fd) return sys::errno_status();
  return file;
}

Result<DeltaNames::Directory> DeltaNames::open(NodeId id) {
  auto node = view_.node(id);
  if (!node) return Status::failure(ESTALE);
  if (node->names == 0 && id != view::kRootNode) return Status::failure(ENOENT);
  Result<DirectoryRefs> refs = view_.files.directories(id);
  if (!refs.ok()) return refs.status();
  return Directory{std::move(*refs)};
}

std::string DeltaNames::path_of(NodeId parent, const char *name) {
  std::lock_guard lock(view_.mutex);
  std::string path = view_.nodes.path(parent).value_or("");
  if (!path.empty()) path += '/';
  return path += name;
}

Status DeltaNames::record(NodeId parent, const char *name, const struct stat &base_file) {
  return origins_.record(path_of(parent, name), base_file);
}

Result<Seen> DeltaNames::look_in(const Directory &directory, const char *name) const {
  return delta::look(directory.merged(), name, view_.root_device);
}

Result<Seen> DeltaNames::look(NodeId parent, const char *name) {
  Result<Directory> directory = open(parent);
  if (!directory.ok()) return directory.status();
  return look_in(*directory, name);
}

void DeltaNames::look_again(NodeId id) {
  std::shared_lock lock(tree_);
  std::optional<view::NodeName> name;
  {
    std::lock_guard nodes(view_.mutex);
    name = view_.nodes.name(id, 0);
  }
  if (!name) return;
  Result<Seen> seen = look(name->parent, name->name.c_str());
  auto known = view_.node(id);
  bool same = seen.ok() && known && base_file(seen->info) == known->file;
  if (same && seen->layering.layers != known->layering.layers) {
    view_.files.replace(id, known->file, seen->layering, nullptr);
  }
}

// The base's part of a merged directory changes without the upper's time stamp.
bool DeltaNames::stamp_tells(const view::NodeView &directory) {
  return view_.snapshot() || directory.layering.in_upper() != directory.layering.in_base();
}

Status DeltaNames::list(NodeId id, const std::function<bool(std::string_view)> &wanted,
                        const std::function<void(const sys::RawEntry &)> &each) {
  std::shared_lock lock(tree_);
  Result<Directory> directory = open(id);
  if (!directory.ok()) return directory.error() == ENOENT ? Status() : directory.status();
  return delta::list(directory->merged(), view_.root_device, wanted, each);
}

Result<Seen> DeltaNames::make(fuse_req_t request, const Target &target, const delta::Make &make) {
  auto as_caller = [&](int at, const char *name) {
    ActAsCaller caller(request, view_);
    errno = caller.error();
    return caller.error() != 0 ? -1 : make(at, name);
  };
  return make_here(target, as_caller, delta::Made::new_file);
}

// The file may be one that was copied up, and shows that one's number: it is looked at.
Result<Seen> DeltaNames::link(fuse_req_t, const Target &target, const delta::Make &make) {
  Result<Seen> made = make_here(target, make, delta::Made::further_name);
  return made.ok() ? look(target.parent, target.name) : made;
}

Result<Seen> DeltaNames::make_here(const Target &target, const delta::Make &make, delta::Made what) {
  if (Status room = view_.usage.room_for(delta::Usage::kEntry); !room.ok()) return room;
  if (Status status = prepare(target.parent, kWhole); !status.ok()) return status;
  std::lock_guard lock(tree_);
  Result<Directory> directory = open(target.parent);
  if (!directory.ok()) return directory.status();
  Result<struct stat> made = delta::make_name(directory->merged(), target.name, work_, make, what);
  if (!made.ok()) return made.status();
  view_.usage.changed(delta::Usage::kEntry);
  Seen seen{*made, {}};
  seen.layering.layers = view::Layering::kUpper;
  return seen;
}

FileRef DeltaNames::hold(const Target &target, const Directory &directory, const Seen &seen) {
  std::optional<NodeId> node = known(view_, target);
  if (!node) return nullptr;
  bool upper = seen.layering.in_upper();
  FileRef held =
      view_.files.hold(*node, upper ? directory.merged().upper : directory.merged().base, target.name);
  if (!held && S_ISREG(seen.info.st_mode)) {
    struct stat last = seen.info;
    if (upper) --last.st_nlink;  // of what the base has left, that is seen to when it is shown
    view_.files.keep_attributes(*node, last);
  }
  return held;
}

// Whether a directory may go: nothing that the policy shows is in it. What it hides does not count, so that its
// presence cannot be told.
Status DeltaNames::check_empty(const Directory &parent, const Target &target, const Seen &seen) {
  Directory child;
  delta::MergedDir above = parent.merged();
  if (seen.layering.in_upper()) {
    Result<FileRef> upper = open_child_directory(above.upper, target.name);
    if (!upper.ok()) return upper.status();
    child.refs.upper = *upper;
  }
  if (seen.layering.in_base()) {
    Result<FileRef> base = open_child_directory(above.base, target.name);
    if (!base.ok()) return base.status();
    child.refs.base = *base;
  }
  bool empty = true;
  auto wanted = [&](std::string_view name) {
    return view::shown(view_.table, target.standing.state, name) != view::Shown::no;
  };
  Status status = delta::list(child.merged(), view_.root_device, wanted, [&](const sys::RawEntry &entry) {
    bool if_directory =
        view::shown(view_.table, target.standing.state, entry.name) == view::Shown::if_directory;
    if (!if_directory) {
      empty = false;
    } else if (empty) {
      Result<Seen> found = look_in(child, entry.name.data());
      empty = !found.ok() || !S_ISDIR(found->info.st_mode);
    }
  });
  if (!status.ok()) return status;
  return empty ? Status() : Status::failure(ENOTEMPTY);
}

Status DeltaNames::remove(fuse_req_t, const Target &target, bool is_directory) {
  if (Status status = prepare(target.parent, kWhole); !status.ok()) return status;
  std::lock_guard lock(tree_);
  Result<Directory> directory = open(target.parent);
  if (!directory.ok()) return directory.status();
  Result<Seen> seen = delta::look_without_number(directory->merged(), target.name);
  if (!seen.ok()) return seen.status();
  if (S_ISDIR(seen->info.st_mode) != is_directory) return Status::failure(is_directory ? ENOTDIR : EISDIR);
  if (is_directory) {
    if (Status status = check_empty(*directory, target, *seen); !status.ok()) return status;
  }
  bool in_upper = seen->layering.in_upper();
  if (!in_upper) {
    if (Status status = record(target.parent, target.name, seen->info); !status.ok()) return status;
  }
  std::optional<NodeId> node = known(view_, target);
  FileRef held = hold(target, *directory, *seen);
  Status status = is_directory ? delta::remove_directory(directory->merged(), target.name, work_)
                               : delta::remove_file(directory->merged(), target.name, in_upper, work_);
  if (!status.ok()) return status;
  // What is held keeps its blocks until it is let go: View::release.
  bool frees = in_upper && (is_directory || (seen->info.st_nlink == 1 && !held));
  if (frees) view_.usage.changed(-delta::Usage::kEntry - seen->info.st_blocks * 512);
  removed(view_, target, node, std::move(held));
  return {};
}

// Anything in work is on the file system of the upper layer, and the parent must be there to get the name.
Result<FileRef> DeltaNames::place_for_nameless(NodeId parent) {
  if (Status room = view_.usage.room_for(delta::Usage::kEntry); !room.ok()) return room;
  if (Status status = prepare(parent, kWhole); !status.ok()) return status;
  return view_.files.directory(parent);
}

}  // namespace agentfense::fuse
