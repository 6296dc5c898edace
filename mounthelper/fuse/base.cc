#include "mounthelper/fuse/base.h"

#include <fcntl.h>

#include <string>

#include "mounthelper/sys/beneath.h"

namespace agentfense::fuse {
namespace {

using sys::Result;
using sys::Status;
using view::NodeId;

constexpr size_t kDirectories = 64;
constexpr size_t kFiles = 64;
constexpr Clock::duration kLiveFor = std::chrono::seconds(1);
// Short: an open descriptor for writing makes execve() of the base file fail with ETXTBSY.
constexpr Clock::duration kIdle = std::chrono::seconds(1);
constexpr int kRounds = 3;  // a rename may pass while a path is rebuilt and walked

// O_NONBLOCK: should the name have become a FIFO meanwhile, open() must not wait for its other end.
constexpr int kSafe = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

bool next_name_may_do(int error) {
  return error == ENOENT || error == ENOTDIR || error == ELOOP || error == ESTALE;
}

FileRef make_ref(sys::Fd fd, int flags, const struct stat &info) {
  auto file = std::make_shared<OpenFile>();
  file->fd = std::move(fd);
  int mode = flags & O_ACCMODE;
  bool path_only = (flags & O_PATH) != 0;
  file->readable = !path_only && mode != O_WRONLY;
  file->writable = !path_only && mode != O_RDONLY;
  bool set_id = (info.st_mode & S_ISUID) != 0 || (info.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP);
  file->strip_set_id = file->writable && set_id;
  return file;
}

// Opens `name` and makes sure that it is `wanted`.
Result<FileRef> open_verified(int directory, const char *name, int flags, const view::BaseFile &wanted) {
  sys::Fd fd(openat(directory, name, flags | kSafe));
  if (!fd) return sys::errno_status();
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) return sys::errno_status();
  if (base_file(info) != wanted) return Status::failure(ESTALE);
  return make_ref(std::move(fd), flags, info);
}

}  // namespace

Base::Base(sys::Fd root, view::NodeTable &nodes, std::mutex &mutex, bool live)
    : nodes_(nodes),
      mutex_(mutex),
      live_(live),
      root_(std::make_shared<OpenFile>()),
      directories_(kDirectories),
      files_(kFiles) {
  root_->fd = std::move(root);
  std::lock_guard lock(mutex_);
  root_device_ = nodes_.view(view::kRootNode)->file.dev;
}

FileRef Base::kept(NodeId node) {
  std::lock_guard lock(mutex_);
  auto found = kept_.find(node);
  return found == kept_.end() ? nullptr : found->second;
}

FileRef Base::noted(NodeId node) {
  std::lock_guard lock(mutex_);
  auto found = noted_.find(node);
  return found == noted_.end() ? nullptr : found->second.lock();
}

Result<FileRef> Base::directory(NodeId node) {
  if (node == view::kRootNode) return root_;
  for (int round = 0; round < kRounds; ++round) {
    FileRef found = directories_.find(node);
    if (found && (!live_ || Clock::now() - found->opened < kLiveFor)) return found;

    // Upwards to the nearest directory that is at hand.
    view::BaseFile wanted;
    std::vector<std::string> names;
    FileRef from;
    {
      std::lock_guard lock(mutex_);
      auto known = nodes_.view(node);
      if (!known) return Status::failure(ESTALE);
      wanted = known->file;
      if (auto it = kept_.find(node); it != kept_.end()) return it->second;
      for (NodeId at = node; at != view::kRootNode;) {
        auto name = nodes_.name(at, 0);
        if (!name) return Status::failure(ESTALE);
        names.push_back(std::move(name->name));
        at = name->parent;
        if (at == view::kRootNode) {
          from = root_;
        } else if (from = directories_.find(at); from) {
          if (!live_ || Clock::now() - from->opened < kLiveFor) break;
        }
      }
    }
    std::string path;
    for (auto name = names.rbegin(); name != names.rend(); ++name) {
      if (!path.empty()) path += '/';
      path += *name;
    }
    Result<sys::Fd> opened = sys::open_dir_beneath(from->fd.get(), path);
    if (!opened.ok()) {
      if (next_name_may_do(opened.error())) continue;
      return opened.status();
    }
    struct stat info {};
    if (fstat(opened->get(), &info) != 0) return sys::errno_status();
    if (base_file(info) != wanted) continue;
    FileRef ref = make_ref(std::move(*opened), O_PATH, info);
    directories_.put(node, ref);
    return ref;
  }
  return Status::failure(ESTALE);
}

template <class Attempt>
Status Base::at_some_name(NodeId node, const Attempt &attempt) {
  for (int round = 0; round < kRounds; ++round) {
    for (size_t index = 0;; ++index) {
      std::optional<view::NodeName> name;
      {
        std::lock_guard lock(mutex_);
        name = nodes_.name(node, index);
      }
      if (!name) break;
      Result<FileRef> parent = directory(name->parent);
      Status status = parent.ok() ? attempt((*parent)->fd.get(), name->name.c_str()) : parent.status();
      if (status.ok() || !next_name_may_do(status.error())) return status;
    }
  }
  return Status::failure(ESTALE);
}

Result<FileRef> Base::handle(NodeId node) {
  std::optional<view::NodeView> known;
  {
    std::lock_guard lock(mutex_);
    known = nodes_.view(node);
  }
  if (!known) return Status::failure(ESTALE);
  if (S_ISDIR(known->file.type)) return directory(node);
  if (FileRef file = kept(node)) return file;
  FileRef found;
  Status status = at_some_name(node, [&](int directory, const char *name) -> Status {
    Result<FileRef> opened = open_verified(directory, name, O_PATH, known->file);
    if (!opened.ok()) return opened.status();
    found = *opened;
    return {};
  });
  if (status.ok()) return found;
  if (FileRef file = noted(node)) return file;
  return status;
}

Result<struct stat> Base::attributes(NodeId node) {
  std::optional<view::NodeView> known;
  {
    std::lock_guard lock(mutex_);
    known = nodes_.view(node);
  }
  if (!known) return Status::failure(ESTALE);
  struct stat info {};
  bool by_name = !S_ISDIR(known->file.type) && known->names > 0;
  if (by_name) {
    Status status = at_some_name(node, [&](int directory, const char *name) -> Status {
      if (fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW) != 0) return sys::errno_status();
      return base_file(info) == known->file ? Status() : Status::failure(ESTALE);
    });
    if (status.ok()) return info;
    if (!next_name_may_do(status.error())) return status;
  }
  Result<FileRef> file = handle(node);
  if (!file.ok()) return file.status();
  if (fstat((*file)->fd.get(), &info) != 0) return sys::errno_status();
  return info;
}

Result<FileRef> Base::open(NodeId node, int flags) {
  std::optional<view::NodeView> known;
  {
    std::lock_guard lock(mutex_);
    known = nodes_.view(node);
  }
  if (!known) return Status::failure(ESTALE);
  if (!S_ISREG(known->file.type)) return Status::failure(EACCES);
  FileRef found;
  Status status = at_some_name(node, [&](int directory, const char *name) -> Status {
    Result<FileRef> opened = open_verified(directory, name, flags, known->file);
    if (!opened.ok()) return opened.status();
    found = *opened;
    return {};
  });
  if (status.ok()) return found;
  // Only where the name is gone: a handle that somebody else was given is no answer to a refusal.
  if (!next_name_may_do(status.error())) return status;
  bool writes = (flags & O_ACCMODE) != O_RDONLY;
  bool reads = (flags & O_ACCMODE) != O_WRONLY;
  for (const FileRef &file : {kept(node), noted(node)}) {
    if (file && (!writes || file->writable) && (!reads || file->readable)) return file;
  }
  return status;
}

Result<FileRef> Base::file(NodeId node, bool writable) {
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

FileRef Base::hold(NodeId node, int directory, const char *name) {
  std::optional<view::NodeView> known;
  {
    std::lock_guard lock(mutex_);
    known = nodes_.view(node);
  }
  if (!known || known->names > 1) return nullptr;
  if (S_ISREG(known->file.type)) {
    if (FileRef file = files_.find(node); file && file->readable && file->writable) return file;
    for (int flags : {O_RDWR, O_RDONLY, O_WRONLY}) {
      Result<FileRef> opened = open_verified(directory, name, flags, known->file);
      if (opened.ok()) return *opened;
    }
  }
  Result<FileRef> opened = open_verified(directory, name, O_PATH, known->file);
  return opened.ok() ? *opened : nullptr;
}

void Base::keep(NodeId node, FileRef file) {
  if (!file) return;
  std::lock_guard lock(mutex_);
  if (nodes_.view(node)) kept_[node] = std::move(file);
}

void Base::note_handle(NodeId node, const FileRef &file) {
  std::lock_guard lock(mutex_);
  noted_[node] = file;
}

void Base::drop_handle(NodeId node, const FileRef &file) {
  std::lock_guard lock(mutex_);
  auto found = noted_.find(node);
  if (found != noted_.end() && found->second.lock() == file) noted_.erase(found);
}

void Base::mark_precious(NodeId node) {
  if (FileRef file = files_.find(node)) file->precious = true;
}

void Base::release(const std::vector<NodeId> &gone) {
  std::vector<FileRef> closed;
  for (NodeId node : gone) {
    directories_.drop(node);
    files_.drop(node);
    std::lock_guard lock(mutex_);
    if (auto found = kept_.find(node); found != kept_.end()) {
      closed.push_back(std::move(found->second));
      kept_.erase(found);
    }
    noted_.erase(node);
  }
}

bool Base::close_idle() {
  bool files = files_.close_idle(kIdle);
  return directories_.close_idle(kIdle) || files;
}

void strip_set_id(OpenFile &file) {
  if (!file.strip_set_id.exchange(false)) return;
  struct stat info {};
  if (fstat(file.fd.get(), &info) != 0) return;
  mode_t keep_group = (info.st_mode & S_IXGRP) != 0 ? 0 : S_ISGID;
  (void)fchmod(file.fd.get(), info.st_mode & (01777 | keep_group));
}

}  // namespace agentfense::fuse
