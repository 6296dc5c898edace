#include "mounthelper/fuse/files.h"

#include <fcntl.h>

#include <algorithm>
#include <string>

namespace agentfense::fuse {
namespace {

using sys::Result;
using sys::Status;
using view::NodeId;

constexpr size_t kFiles = 64;
// Short: an open descriptor for writing makes execve() of the base file fail with ETXTBSY.
constexpr Clock::duration kIdle = std::chrono::seconds(1);
constexpr int kRounds = 3;  // a rename may pass while a path is rebuilt and walked

// O_NONBLOCK: should the name have become a FIFO meanwhile, open() must not wait for its other end.
constexpr int kSafe = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

bool next_name_may_do(int error) {
  return error == ENOENT || error == ENOTDIR || error == ELOOP || error == ESTALE;
}

FileRef make_ref(sys::Fd fd, int flags, const struct stat &info, bool in_base) {
  auto file = std::make_shared<OpenFile>();
  file->fd = std::move(fd);
  int mode = flags & O_ACCMODE;
  bool path_only = (flags & O_PATH) != 0;
  file->readable = !path_only && mode != O_WRONLY;
  file->writable = !path_only && mode != O_RDONLY;
  bool set_id = (info.st_mode & S_ISUID) != 0 || (info.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP);
  file->strip_set_id = file->writable && set_id;
  file->in_base = in_base;
  return file;
}

// Opens `name` and makes sure that it is `wanted`.
Result<FileRef> open_verified(int directory, const char *name, int flags, const view::NodeView &wanted) {
  sys::Fd fd(openat(directory, name, flags | kSafe));
  if (!fd) return sys::errno_status();
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) return sys::errno_status();
  if (base_file(info) != wanted.file) return Status::failure(ESTALE);
  return make_ref(std::move(fd), flags, info, wanted.layering.layers == view::Layering::kBase);
}

// By the kernel's own link to an open file, which names that file and no other.
Result<FileRef> open_again(const OpenFile &file, int flags) {
  std::string own = "/proc/self/fd/" + std::to_string(file.fd.get());
  sys::Fd fd(::open(own.c_str(), flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat info {};
  if (!fd || fstat(fd.get(), &info) != 0) return sys::errno_status();
  return make_ref(std::move(fd), flags, info, file.in_base);
}

uint64_t device_of(int directory) {
  struct stat info {};
  (void)fstat(directory, &info);
  return info.st_dev;
}

}  // namespace

Files::Files(sys::Fd base, sys::Fd upper, view::NodeTable &nodes, std::mutex &mutex, bool live,
             bool opens_known)
    : nodes_(nodes),
      mutex_(mutex),
      opens_known_(opens_known),
      root_device_(device_of(base.get())),
      base_(std::move(base), Layer::base, root_device_, nodes, mutex, live),
      files_(kFiles) {
  if (upper) {
    upper_ = std::make_unique<Directories>(std::move(upper), Layer::upper, root_device_, nodes, mutex, false);
  }
}

FileRef Files::kept(NodeId node) {
  std::lock_guard lock(mutex_);
  auto found = kept_.find(node);
  return found == kept_.end() ? nullptr : found->second;
}

// One that is the node's file still, good for both where there is one; Open tells whether there is any at all.
Files::Noted Files::noted(NodeId node) {
  std::lock_guard lock(mutex_);
  auto found = noted_.find(node);
  if (found == noted_.end()) return {};
  auto known = nodes_.view(node);
  bool copied_up = known && known->layering.in_upper();
  Noted noted;
  for (const std::weak_ptr<OpenFile> &each : found->second) {
    FileRef file = each.lock();
    if (!file) continue;
    noted.is_open = true;
    if (file->in_base && copied_up) continue;
    if (!noted.file || (file->readable && file->writable)) noted.file = std::move(file);
  }
  return noted;
}

Result<DirectoryRefs> Files::directories(NodeId node) {
  std::optional<view::NodeView> known;
  {
    std::lock_guard lock(mutex_);
    known = nodes_.view(node);
    if (!known) return Status::failure(ESTALE);
    // A removed directory has one part, and nothing in it.
    if (auto it = kept_.find(node); it != kept_.end()) return DirectoryRefs{it->second, nullptr};
  }
  DirectoryRefs refs;
  if (known->layering.in_upper()) {
    Result<FileRef> upper = upper_->find(node);
    if (!upper.ok()) return upper.status();
    refs.upper = *upper;
  }
  if (known->layering.in_base()) {
    Result<FileRef> base = base_.find(node);
    if (base.ok()) refs.base = *base;
    // Gone from the base beside us: what is in the upper layer still shows.
    if (!base.ok() && !refs.upper) return base.status();
  }
  return refs;
}

Result<FileRef> Files::directory(NodeId node) {
  Result<DirectoryRefs> refs = directories(node);
  if (!refs.ok()) return refs.status();
  return refs->upper ? refs->upper : refs->base;
}

template <class Attempt>
Status Files::at_some_name(NodeId node, const view::NodeView &known, const Attempt &attempt) {
  // The caller came by one of the names, and may not search the directories of the others.
  bool refused = false;
  for (int round = 0; round < kRounds; ++round) {
    for (size_t index = 0;; ++index) {
      std::optional<view::NodeName> name;
      {
        std::lock_guard lock(mutex_);
        name = nodes_.name(node, index);
      }
      if (!name) break;
      Result<FileRef> parent = layer_of(known).find(name->parent);
      Status status = parent.ok() ? attempt((*parent)->fd.get(), name->name.c_str()) : parent.status();
      refused |= status.error() == EACCES;
      bool go_on = next_name_may_do(status.error()) || status.error() == EACCES;
      if (status.ok() || !go_on) return status;
    }
    if (refused) return Status::failure(EACCES);
  }
  return Status::failure(ESTALE);
}

Result<FileRef> Files::handle(NodeId node) {
  std::optional<view::NodeView> known;
  {
    std::lock_guard lock(mutex_);
    known = nodes_.view(node);
  }
  if (!known) return Status::failure(ESTALE);
  if (S_ISDIR(known->file.type)) return directory(node);
  if (FileRef file = kept(node)) return file;
  FileRef file = noted(node).file;
  if (file) return file;
  Status status = at_some_name(node, *known, [&](int directory, const char *name) -> Status {
    Result<FileRef> opened = open_verified(directory, name, O_PATH, *known);
    if (!opened.ok()) return opened.status();
    file = *opened;
    return {};
  });
  if (status.ok()) return file;
  return status;
}

Result<struct stat> Files::attributes(NodeId node) {
  std::optional<view::NodeView> known;
  {
    std::lock_guard lock(mutex_);
    known = nodes_.view(node);
  }
  if (!known) return Status::failure(ESTALE);
  struct stat info {};
  bool by_name = !S_ISDIR(known->file.type) && known->names > 0;
  if (by_name) {
    Status status = at_some_name(node, *known, [&](int directory, const char *name) -> Status {
      if (fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW) != 0) return sys::errno_status();
      return base_file(info) == known->file ? Status() : Status::failure(ESTALE);
    });
    if (status.ok()) return info;
    if (!next_name_may_do(status.error())) return status;
  }
  if (known->names == 0) {
    std::lock_guard lock(mutex_);
    if (auto found = last_.find(node); found != last_.end()) return found->second;
  }
  Result<FileRef> file = handle(node);
  if (!file.ok()) return file.status();
  if (fstat((*file)->fd.get(), &info) != 0) return sys::errno_status();
  return info;
}

Result<FileRef> Files::open(NodeId node, int flags) {
  std::optional<view::NodeView> known;
  {
    std::lock_guard lock(mutex_);
    known = nodes_.view(node);
  }
  if (!known) return Status::failure(ESTALE);
  if (!S_ISREG(known->file.type)) return Status::failure(EACCES);
  bool writes = (flags & O_ACCMODE) != O_RDONLY;
  if (writes && known->layering.layers == view::Layering::kBase) return Status::failure(EROFS);
  FileRef found;
  Status status = at_some_name(node, *known, [&](int directory, const char *name) -> Status {
    Result<FileRef> opened = open_verified(directory, name, flags, *known);
    if (!opened.ok()) return opened.status();
    found = *opened;
    return {};
  });
  if (status.ok()) return found;
  // Only where the name is gone: a handle that somebody else was given is no answer to a refusal.
  if (!next_name_may_do(status.error())) return status;
  bool reads = (flags & O_ACCMODE) != O_WRONLY;
  for (const FileRef &file : {kept(node), noted(node).file}) {
    if (file && (!writes || file->writable) && (!reads || file->readable)) return file;
  }
  // Deleted between the kernel's look and now: the handle that was taken then leads to it.
  FileRef deleted = known->names == 0 ? kept(node) : nullptr;
  return deleted ? open_again(*deleted, flags) : Result<FileRef>(status);
}

Result<FileRef> Files::file(NodeId node, bool writable) {
  FileRef found = files_.find(node);
  if (found && (writable ? found->writable : found->readable)) return found;
  if (found = kept(node); found && (writable ? found->writable : found->readable)) return found;
  Result<FileRef> opened = Status::failure(EACCES);
  if (writable) {
    // One descriptor for both, where the file's mode allows it.
    opened = open(node, O_RDWR);
    if (!opened.ok() && opened.error() == EACCES) opened = open(node, O_WRONLY);
  } else {
    opened = open(node, O_RDONLY | O_NOATIME);
    if (!opened.ok() && opened.error() == EPERM) opened = open(node, O_RDONLY);  // not ours
  }
  if (opened.ok()) files_.put(node, *opened);
  return opened;
}

FileRef Files::hold(NodeId node, int directory, const char *name) {
  std::optional<view::NodeView> known;
  {
    std::lock_guard lock(mutex_);
    known = nodes_.view(node);
  }
  if (!known || known->names > 1) return nullptr;
  if (opens_known_) {
    Noted open = noted(node);
    if (open.file) return open.file;
    // A descriptor would keep the room that it takes in the delta.
    if (upper_ && S_ISREG(known->file.type) && !open.is_open) {
      files_.drop(node);
      return nullptr;
    }
  }
  if (S_ISREG(known->file.type)) {
    if (FileRef file = files_.find(node); file && file->readable && file->writable) return file;
    for (int flags : {O_RDWR, O_RDONLY, O_WRONLY}) {
      if (flags != O_RDONLY && known->layering.layers == view::Layering::kBase) continue;
      Result<FileRef> opened = open_verified(directory, name, flags, *known);
      if (opened.ok()) return *opened;
    }
  }
  Result<FileRef> opened = open_verified(directory, name, O_PATH, *known);
  return opened.ok() ? *opened : nullptr;
}

void Files::keep(NodeId node, FileRef file) {
  if (!file) return;
  std::lock_guard lock(mutex_);
  if (nodes_.view(node)) kept_[node] = std::move(file);
}

void Files::keep_attributes(NodeId node, const struct stat &info) {
  std::lock_guard lock(mutex_);
  auto known = nodes_.view(node);
  if (!known || known->names != 1) return;
  last_[node] = info;
  if (info.st_nlink == 0) nodes_.let_go_of_file(node);  // only the upper layer's file goes
}

void Files::note_handle(NodeId node, const FileRef &file) {
  std::lock_guard lock(mutex_);
  noted_[node].push_back(file);
}

void Files::drop_handle(NodeId node, const FileRef &file) {
  std::lock_guard lock(mutex_);
  auto found = noted_.find(node);
  if (found == noted_.end()) return;
  auto same = [&](const std::weak_ptr<OpenFile> &each) { return each.lock() == file; };
  auto at = std::find_if(found->second.begin(), found->second.end(), same);
  if (at != found->second.end()) found->second.erase(at);
  if (found->second.empty()) noted_.erase(found);
}

void Files::mark_precious(NodeId node) {
  if (FileRef file = files_.find(node)) file->precious = true;
}

void Files::replace(NodeId node, const view::BaseFile &file, const view::Layering &layering, FileRef now) {
  bool is_directory = S_ISDIR(file.type);
  {
    std::lock_guard lock(mutex_);
    nodes_.replace_file(node, file, layering);
    auto found = kept_.find(node);
    if (found != kept_.end() && now) found->second = now;
  }
  if (is_directory) return;
  files_.drop(node);
  if (now) files_.put(node, std::move(now));
}

int64_t Files::unnamed_bytes() {
  std::vector<FileRef> files;
  {
    std::lock_guard lock(mutex_);
    for (const auto &[node, file] : kept_) {
      if (!file->in_base) files.push_back(file);
    }
  }
  int64_t bytes = 0;
  struct stat info {};
  for (const FileRef &file : files) {
    if (fstat(file->fd.get(), &info) == 0) bytes += info.st_blocks * 512;
  }
  return bytes;
}

bool Files::is_held(NodeId node) { return noted(node).is_open; }

int64_t Files::release(const std::vector<NodeId> &gone) {
  std::vector<FileRef> closed;
  for (NodeId node : gone) {
    base_.drop(node);
    if (upper_) upper_->drop(node);
    files_.drop(node);
    std::lock_guard lock(mutex_);
    if (auto found = kept_.find(node); found != kept_.end()) {
      closed.push_back(std::move(found->second));
      kept_.erase(found);
    }
    noted_.erase(node);
    last_.erase(node);
  }
  int64_t bytes = 0;
  struct stat info {};
  for (const FileRef &file : closed) {
    bool frees =
        !file->in_base && fstat(file->fd.get(), &info) == 0 && S_ISREG(info.st_mode) && info.st_nlink == 0;
    if (frees) bytes += info.st_blocks * 512;
  }
  return bytes;
}

bool Files::close_idle() {
  bool files = files_.close_idle(kIdle);
  bool upper = upper_ && upper_->close_idle();
  return base_.close_idle() || upper || files;
}

void strip_set_id(OpenFile &file) {
  if (!file.strip_set_id.exchange(false)) return;
  struct stat info {};
  if (fstat(file.fd.get(), &info) != 0) return;
  mode_t keep_group = (info.st_mode & S_IXGRP) != 0 ? 0 : S_ISGID;
  (void)fchmod(file.fd.get(), info.st_mode & (01777 | keep_group));
}

}  // namespace agentfense::fuse
