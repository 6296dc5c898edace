#include "mounthelper/delta/copy_tree.h"

#include <fcntl.h>
#include <unistd.h>

#include <map>
#include <string>
#include <vector>

#include "mounthelper/delta/compare.h"
#include "mounthelper/delta/copy.h"
#include "mounthelper/delta/paths.h"
#include "mounthelper/delta/upper_walk.h"
#include "mounthelper/sys/beneath.h"

namespace agentfense::delta {
namespace {

using sys::Status;

std::string as_it_is(std::string_view name) { return std::string(name); }

// What open files of both have, times aside.
Status copy_rest(const struct stat &info, int from, int to) {
  Status status = copy_attributes(from, to, as_it_is);
  return status.ok() ? copy_ownership(info, to) : status;
}

class TreeCopy {
 public:
  explicit TreeCopy(int to) : to_(to) {}

  Status add(const UpperEntry &entry) {
    std::string_view parent = parent_of(entry.path);
    if (!here_ || parent != parent_) {
      sys::Result<sys::Fd> opened = sys::open_dir_beneath(to_, parent);
      if (!opened.ok()) return opened.status();
      here_ = std::move(*opened);
      parent_ = parent;
    }
    if (S_ISDIR(entry.info.st_mode)) return add_directory(entry);
    if (entry.info.st_nlink > 1) {
      auto [first, fresh] = first_name_.try_emplace(entry.info.st_ino, entry.path);
      if (!fresh) return add_name(entry, first->second);
    }
    return S_ISREG(entry.info.st_mode) ? add_file(entry) : add_special(entry);
  }

  // When nothing is made in them any more.
  Status finish_directories() {
    for (auto at = directories_.rbegin(); at != directories_.rend(); ++at) {
      sys::Result<sys::Fd> directory = sys::open_dir_beneath(to_, at->first);
      if (!directory.ok()) return directory.status();
      Status status = copy_ownership(at->second, directory->get());
      if (status.ok()) status = copy_times(at->second, directory->get());
      if (!status.ok()) return status;
    }
    return {};
  }

 private:
  Status add_directory(const UpperEntry &entry) {
    if (mkdirat(here_.get(), entry.name, 0700) != 0) return sys::errno_status();
    constexpr int kRead = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    sys::Fd from(openat(entry.directory, entry.name, kRead));
    sys::Fd to(openat(here_.get(), entry.name, kRead));
    if (!from || !to) return sys::errno_status();
    directories_.emplace_back(entry.path, entry.info);
    return copy_attributes(from.get(), to.get(), as_it_is);
  }

  Status add_file(const UpperEntry &entry) {
    sys::Fd from(openat(entry.directory, entry.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!from) return sys::errno_status();
    sys::Fd to(openat(here_.get(), entry.name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!to) return sys::errno_status();
    Status status = copy_data(from.get(), to.get(), entry.info.st_size);
    if (status.ok()) status = copy_rest(entry.info, from.get(), to.get());
    return status.ok() ? copy_times(entry.info, to.get()) : status;
  }

  Status add_special(const UpperEntry &entry) {
    int made = -1;
    if (S_ISLNK(entry.info.st_mode)) {
      sys::Result<std::string> target = read_link(entry.directory, entry.name);
      if (!target.ok()) return target.status();
      made = symlinkat(target->c_str(), here_.get(), entry.name);
    } else {
      made = mknodat(here_.get(), entry.name, (entry.info.st_mode & S_IFMT) | 0600, entry.info.st_rdev);
    }
    if (made != 0) return sys::errno_status();
    sys::Fd to(openat(here_.get(), entry.name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!to) return sys::errno_status();
    Status status = copy_ownership(entry.info, to.get());
    return status.ok() ? copy_times(entry.info, to.get()) : status;
  }

  Status add_name(const UpperEntry &entry, const std::string &first) {
    sys::Result<sys::Fd> directory = sys::open_dir_beneath(to_, parent_of(first));
    if (!directory.ok()) return directory.status();
    return linkat(directory->get(), name_of(first), here_.get(), entry.name, 0) == 0 ? Status()
                                                                                     : sys::errno_status();
  }

  const int to_;
  sys::Fd here_;
  std::string parent_;
  std::map<uint64_t, std::string> first_name_;
  std::vector<std::pair<std::string, struct stat>> directories_;
};

}  // namespace

Status copy_tree(int from, int to, const std::function<void(size_t)> &progress) {
  struct stat root {};
  sys::Fd source(openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  sys::Fd target(openat(to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!source || !target || fstat(source.get(), &root) != 0) return sys::errno_status();
  TreeCopy copy(to);
  size_t done = 0;
  Status status = walk_upper(from, [&](const UpperEntry &entry) {
    if (progress) progress(++done);
    return copy.add(entry);
  });
  if (status.ok()) status = copy.finish_directories();
  if (status.ok()) status = copy_rest(root, source.get(), target.get());
  return status.ok() ? copy_times(root, target.get()) : status;
}

}  // namespace agentfense::delta
