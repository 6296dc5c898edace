#include "compiler/tree/walk_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

namespace agentfense::compiler {
namespace {

constexpr int kOpenFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK;
// Directories that stay open on the way down. Further up they are closed and found again by `..`.
constexpr size_t kMaxOpen = 64;

class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd &operator=(Fd &&other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] explicit operator bool() const { return fd_ >= 0; }
  void release() { fd_ = -1; }

 private:
  int fd_;
};

struct CloseDir {
  void operator()(DIR *dir) const { ::closedir(dir); }
};

struct Directory {
  Fd fd;  // closed while the walk is far below
  dev_t device = 0;
  ino_t inode = 0;
  std::vector<std::string> below;  // directories that are still to be entered
  size_t path_size = 0;            // of the path of the directory itself
};

// Gone, or something else by now: no fault of the tree's.
bool went_away(int error) { return error == ENOENT || error == ENOTDIR || error == ELOOP; }

class Walk {
 public:
  explicit Walk(const TreeVisitor &visitor) : visitor_(visitor) {}

  std::optional<TreeCounts> run(const std::string &dir, std::string &error) {
    Fd start(::open(dir.c_str(), kOpenFlags));
    const bool listed = start && push(std::move(start));
    if (!listed) {
      error = std::strerror(errno);
      return std::nullopt;
    }
    while (!stack_.empty()) {
      if (stack_.back().below.empty()) {
        pop();
      } else {
        descend();
      }
    }
    return counts_;
  }

 private:
  // Lists the directory at path_ and makes it the innermost one. False, with errno, where it cannot be
  // listed at all.
  bool push(Fd fd);
  void see(Directory &directory, const dirent &found);
  void descend();
  void pop();

  const TreeVisitor &visitor_;
  TreeCounts counts_;
  std::vector<Directory> stack_;
  std::string path_;
};

bool Walk::push(Fd fd) {
  struct stat status {};
  Fd copy(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy || ::fstat(fd.get(), &status) != 0) return false;
  const std::unique_ptr<DIR, CloseDir> stream(::fdopendir(copy.get()));
  if (!stream) return false;
  copy.release();  // the stream's now
  Directory directory{std::move(fd), status.st_dev, status.st_ino, {}, path_.size()};
  for (;;) {
    errno = 0;
    const dirent *found = ::readdir(stream.get());
    if (!found) break;
    see(directory, *found);
  }
  if (errno != 0) {
    if (stack_.empty()) return false;
    ++counts_.unreadable;
  }
  stack_.push_back(std::move(directory));
  // The start stays open: it is the one place that is always found again.
  if (stack_.size() > kMaxOpen + 1) stack_[stack_.size() - 1 - kMaxOpen].fd = Fd();
  return true;
}

void Walk::see(Directory &directory, const dirent &found) {
  TreeEntry entry;
  entry.name = found.d_name;
  if (entry.name == "." || entry.name == "..") return;
  entry.directory = found.d_type == DT_DIR;
  const bool regular = found.d_type == DT_REG;
  if (found.d_type == DT_UNKNOWN || (regular && visitor_.want_links)) {
    struct stat status {};
    if (::fstatat(directory.fd.get(), found.d_name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
      entry.directory = S_ISDIR(status.st_mode);
      if (S_ISREG(status.st_mode)) {
        entry.links = status.st_nlink;
        entry.device = status.st_dev;
        entry.inode = status.st_ino;
      }
    } else if (went_away(errno)) {
      return;
    }
  }
  ++counts_.entries;
  if (entry.directory) {
    ++counts_.directories;
    directory.below.emplace_back(entry.name);
  }
  if (visitor_.entry) visitor_.entry(path_, entry);
}

void Walk::descend() {
  Directory &parent = stack_.back();
  const std::string name = std::move(parent.below.back());
  parent.below.pop_back();
  Fd fd(::openat(parent.fd.get(), name.c_str(), kOpenFlags | O_NOFOLLOW));
  if (!fd) {
    if (!went_away(errno)) ++counts_.unreadable;
    return;
  }
  path_.append("/").append(name);
  if (visitor_.enter) visitor_.enter(name);
  if (push(std::move(fd))) return;
  ++counts_.unreadable;
  if (visitor_.leave) visitor_.leave();
  path_.resize(stack_.back().path_size);
}

void Walk::pop() {
  const Directory left = std::move(stack_.back());
  stack_.pop_back();
  if (stack_.empty()) return;
  if (visitor_.leave) visitor_.leave();
  Directory &parent = stack_.back();
  path_.resize(parent.path_size);
  if (parent.fd) return;
  struct stat status {};
  Fd again(left.fd ? ::openat(left.fd.get(), "..", kOpenFlags) : -1);
  if (again && ::fstat(again.get(), &status) == 0 && status.st_dev == parent.device &&
      status.st_ino == parent.inode) {
    parent.fd = std::move(again);
    return;
  }
  // What is innermost was moved away while it was walked, and its old place cannot be found from it.
  if (!parent.below.empty()) ++counts_.unreadable;
  parent.below.clear();
}

}  // namespace

std::optional<TreeCounts> walk_tree(const std::string &dir, const TreeVisitor &visitor, std::string &error) {
  return Walk(visitor).run(dir, error);
}

}  // namespace agentfense::compiler
