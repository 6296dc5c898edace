#include "tests/tree/scratch_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace agentfense::tests {
namespace {

void require(bool done, const std::string &what) {
  if (done) return;
  std::perror(what.c_str());
  std::abort();
}

}  // namespace

ScratchTree::ScratchTree() {
  std::string name = (std::filesystem::temp_directory_path() / "agentfense-tree-XXXXXX").string();
  require(::mkdtemp(name.data()) != nullptr, name);
  // Other users walk it too.
  require(::chmod(name.c_str(), 0755) == 0, name);
  root_ = name;
}

// Not remove_all(): that holds a descriptor for each level.
ScratchTree::~ScratchTree() { require(std::system(("rm -rf '" + root_ + "'").c_str()) == 0, root_); }

void ScratchTree::directory(const std::string &path) {
  std::error_code error;
  std::filesystem::create_directories(root_ + path, error);
  require(!error, path);
}

void ScratchTree::file(const std::string &path) {
  const int fd = ::open((root_ + path).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
  require(fd >= 0 && ::close(fd) == 0, path);
}

void ScratchTree::link(const std::string &from, const std::string &to) {
  require(::link((root_ + from).c_str(), (root_ + to).c_str()) == 0, to);
}

void ScratchTree::symlink(const std::string &target, const std::string &path) {
  require(::symlink(target.c_str(), (root_ + path).c_str()) == 0, path);
}

void ScratchTree::fifo(const std::string &path) {
  require(::mkfifo((root_ + path).c_str(), 0644) == 0, path);
}

void ScratchTree::chain(const std::string &path, const std::string &name, int depth,
                        const std::string &file) {
  int at = ::open((root_ + path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  require(at >= 0, path);
  for (int i = 0; i < depth; ++i) {
    require(::mkdirat(at, name.c_str(), 0755) == 0, name);
    const int next = ::openat(at, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    require(next >= 0 && ::close(at) == 0, name);
    at = next;
  }
  const int fd = ::openat(at, file.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
  require(fd >= 0 && ::close(fd) == 0 && ::close(at) == 0, file);
}

}  // namespace agentfense::tests
