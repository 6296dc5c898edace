#include <fcntl.h>

#include "mounthelper/fuse/delta_names.h"
#include "mounthelper/view/attributes.h"

namespace agentfense::fuse {

using sys::Result;
using sys::Status;
using view::Layering;
using view::NodeId;

// One copy-up of a node at a time: who comes second finds it done.
class DeltaNames::Turn {
 public:
  Turn(DeltaNames &names, NodeId node) : names_(names), node_(node) {
    std::unique_lock lock(names_.turns_);
    names_.turn_ended_.wait(lock, [&] { return !names_.copying_.contains(node_); });
    names_.copying_.insert(node_);
  }
  Turn(const Turn &) = delete;
  Turn &operator=(const Turn &) = delete;
  ~Turn() {
    {
      std::lock_guard lock(names_.turns_);
      names_.copying_.erase(node_);
    }
    names_.turn_ended_.notify_all();
  }

 private:
  DeltaNames &names_;
  NodeId node_;
};

Status DeltaNames::prepare(NodeId id, off_t keep, const May &may) {
  constexpr int kRounds = 3;  // a rename may pass between the look and the copy
  for (int round = 0; round < kRounds; ++round) {
    auto node = view_.node(id);
    if (!node) return Status::failure(ESTALE);
    if (node->layering.in_upper()) return {};
    // From the root downwards, before taking the turn: who holds one waits for nobody above it.
    std::optional<view::NodeName> name;
    {
      std::lock_guard lock(view_.mutex);
      name = view_.nodes.name(id, 0);
    }
    if (name) {
      if (Status status = prepare(name->parent, kWhole); !status.ok()) return status;
    }
    Turn turn(*this, id);
    node = view_.node(id);
    if (!node) return Status::failure(ESTALE);
    if (node->layering.in_upper()) return {};
    Status status = node->names == 0 ? copy_up_nameless(id, *node, keep, may) : copy_up(id, *node, keep, may);
    if (status.ok() || (status.error() != ESTALE && status.error() != EEXIST)) return status;
  }
  return Status::failure(ESTALE);
}

delta::CopyRequest DeltaNames::request_for(const struct stat &base_file) const {
  delta::CopyRequest request;
  request.expected = base_file;
  request.sync = !view_.options.delta_volatile;
  // The other names of a base file stay what they were, so this one becomes a file with a number of its own.
  if (S_ISDIR(base_file.st_mode) || base_file.st_nlink == 1) {
    request.number = view::inode_in_view(base_file.st_dev, base_file.st_ino, view_.root_device);
  }
  return request;
}

Status DeltaNames::copy_up(NodeId id, const view::NodeView &known, off_t keep, const May &may) {
  std::optional<view::NodeName> name;
  {
    std::lock_guard lock(view_.mutex);
    name = view_.nodes.name(id, 0);
  }
  if (!name) return Status::failure(ESTALE);
  Result<Directory> directory = open(name->parent);
  if (!directory.ok()) return directory.status();
  delta::MergedDir merged = directory->merged();
  struct stat info {};
  if (merged.base < 0 || fstatat(merged.base, name->name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 ||
      base_file(info) != known.file) {
    return Status::failure(ESTALE);
  }
  off_t wanted = S_ISREG(info.st_mode) ? std::min<off_t>(keep, info.st_blocks * 512) : 0;
  Status room = view_.usage.room_for(static_cast<uint64_t>(wanted) + delta::Usage::kEntry);
  if (!room.ok()) return room;
  delta::CopyRequest request = request_for(info);
  request.base_directory = merged.base;
  request.name = name->name.c_str();
  request.keep = keep;
  Result<delta::Copy> copy = delta::copy_up(work_, request);
  if (!copy.ok()) return copy.status();
  if (Status allowed = may ? may(copy->fd().get()) : Status(); !allowed.ok()) return allowed;
  return place(id, *name, info, std::move(*copy));
}

Status DeltaNames::place(NodeId id, const view::NodeName &name, const struct stat &base_info,
                         delta::Copy copy) {
  std::lock_guard lock(tree_);
  {
    std::lock_guard nodes(view_.mutex);
    if (view_.nodes.find(name.parent, name.name) != id) return Status::failure(ESTALE);
  }
  Result<Directory> directory = open(name.parent);
  if (!directory.ok()) return directory.status();
  // Come up with its directory meanwhile, which may have moved since: no path of the base then.
  if (directory->refs.base == nullptr) return Status::failure(EEXIST);
  if (Status status = record(name.parent, name.name.c_str(), base_info); !status.ok()) return status;
  Status status = copy.place(directory->merged().upper, name.name.c_str());
  if (!status.ok()) return status;

  struct stat info = copy.info();
  view_.usage.changed(delta::Usage::kEntry + info.st_blocks * 512);
  bool is_directory = S_ISDIR(info.st_mode);
  Layering layering;
  layering.layers = is_directory ? Layering::kUpper | Layering::kBase : Layering::kUpper;
  layering.number = request_for(base_info).number;
  FileRef file;
  if (S_ISREG(info.st_mode)) {
    file = std::make_shared<OpenFile>();
    file->fd = std::move(copy.fd());
    file->readable = file->writable = true;
    file->strip_set_id = (info.st_mode & (S_ISUID | S_ISGID)) != 0;
    file->precious = view_.files.is_held(id);
  }
  view_.files.replace(id, base_file(info), layering, std::move(file));
  return {};
}

// Deleted, open, and about to be changed: a copy without a name.
Status DeltaNames::copy_up_nameless(NodeId id, const view::NodeView &known, off_t keep, const May &may) {
  if (S_ISDIR(known.file.type)) return Status::failure(ENOENT);
  bool regular = S_ISREG(known.file.type);
  Result<FileRef> source = regular ? view_.files.open(id, O_RDONLY) : view_.files.handle(id);
  if (!source.ok()) return source.status();
  delta::CopyRequest request;
  if (fstat((*source)->fd.get(), &request.expected) != 0) return sys::errno_status();
  off_t wanted = std::min<off_t>(keep, request.expected.st_blocks * 512);
  if (Status room = view_.usage.room_for(static_cast<uint64_t>(wanted)); !room.ok()) return room;
  request.source = (*source)->fd.get();
  request.keep = keep;
  request.sync = false;
  request.number = view::inode_in_view(known.file.dev, known.file.ino, view_.root_device);
  Result<delta::Copy> copy = delta::copy_up(work_, request);
  if (!copy.ok()) return copy.status();
  if (Status allowed = may ? may(copy->fd().get()) : Status(); !allowed.ok()) return allowed;
  auto file = std::make_shared<OpenFile>();
  file->fd = std::move(copy->fd());
  file->readable = file->writable = regular;
  Layering layering = known.layering;
  layering.layers = Layering::kUpper;
  layering.number = request.number;
  view_.usage.changed(copy->info().st_blocks * 512);
  view_.files.replace(id, base_file(copy->info()), layering, std::move(file));
  return {};
}

}  // namespace agentfense::fuse
