#include "mounthelper/fuse/directories.h"

#include <cerrno>
#include <string>
#include <vector>

#include "mounthelper/sys/beneath.h"
#include "mounthelper/view/attributes.h"

namespace agentfense::fuse {
namespace {

using sys::Result;
using sys::Status;
using view::NodeId;

constexpr size_t kKept = 64;
constexpr Clock::duration kFreshFor = std::chrono::seconds(1);
constexpr Clock::duration kIdle = std::chrono::seconds(1);
constexpr int kRounds = 3;  // a rename may pass while a path is rebuilt and walked

bool may_be_elsewhere(int error) {
  return error == ENOENT || error == ENOTDIR || error == ELOOP || error == ESTALE;
}

std::string join(const std::vector<std::string> &names_upwards) {
  std::string path;
  for (auto name = names_upwards.rbegin(); name != names_upwards.rend(); ++name) {
    if (!path.empty()) path += '/';
    path += *name;
  }
  return path;
}

}  // namespace

Directories::Directories(sys::Fd root, Layer layer, uint64_t root_device, view::NodeTable &nodes,
                         std::mutex &mutex, bool checked)
    : nodes_(nodes),
      mutex_(mutex),
      layer_(layer),
      root_device_(root_device),
      checked_(checked),
      root_(std::make_shared<OpenFile>()),
      cache_(kKept) {
  root_->fd = std::move(root);
}

bool Directories::is_fresh(const FileRef &file) const {
  return file && (!checked_ || Clock::now() - file->opened < kFreshFor);
}

// A merged directory is known by its upper part, and shows the number of the base's.
bool Directories::is_it(const struct stat &info, const view::NodeView &node) const {
  if (layer_ == Layer::base && node.layering.in_upper()) {
    return view::inode_in_view(info.st_dev, info.st_ino, root_device_) == node.layering.number;
  }
  return view::BaseFile{info.st_dev, info.st_ino, info.st_mode & S_IFMT} == node.file;
}

FileRef Directories::nearest(NodeId node, view::NodeView &wanted, std::string &path) {
  std::vector<std::string> names;
  std::lock_guard lock(mutex_);
  auto known = nodes_.view(node);
  if (!known) return nullptr;
  wanted = *known;
  for (NodeId at = node;;) {
    auto name = nodes_.name(at, 0);
    if (!name) return nullptr;
    names.push_back(std::move(name->name));
    at = name->parent;
    FileRef from = at == view::kRootNode ? root_ : cache_.find(at);
    if (!from || (at != view::kRootNode && !is_fresh(from))) continue;
    path = join(names);
    return from;
  }
}

Result<FileRef> Directories::find(NodeId node) {
  if (node == view::kRootNode) return root_;
  for (int round = 0; round < kRounds; ++round) {
    if (FileRef found = cache_.find(node); is_fresh(found)) return found;
    view::NodeView wanted;
    std::string path;
    FileRef from = nearest(node, wanted, path);
    if (!from) return Status::failure(ESTALE);
    Result<sys::Fd> opened = sys::open_dir_beneath(from->fd.get(), path);
    if (!opened.ok() && !may_be_elsewhere(opened.error())) return opened.status();
    struct stat info {};
    if (!opened.ok() || fstat(opened->get(), &info) != 0 || !is_it(info, wanted)) continue;
    auto file = std::make_shared<OpenFile>();
    file->fd = std::move(*opened);
    cache_.put(node, file);
    return file;
  }
  return Status::failure(ESTALE);
}

bool Directories::close_idle() { return cache_.close_idle(kIdle); }

}  // namespace agentfense::fuse
